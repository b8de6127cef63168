"""Apache Beam in place of this machine's processes."""

import dataclasses

from pipelines.errors import SourceError


def with_beam(download_config, runner, options):
    """Returns a `tfds.download.DownloadConfig` that has the shards written by Beam.

    Args:
        download_config: the one to start from.
        runner: name of a runner, such as "DirectRunner".
        options: string of its options, such as "flink_master=host:8081,parallelism=64", or None.

    Raises:
        SourceError: if Apache Beam is not installed, or has no such runner.
    """
    try:
        from apache_beam.options.pipeline_options import PipelineOptions
        from apache_beam.runners import create_runner
    except ImportError as error:
        raise SourceError(
            f"beam_runner={runner!r} needs Apache Beam ({error}); "
            'install it with pip install ".[beam]"'
        ) from error
    try:
        create_runner(runner)
    except (ValueError, ImportError, AttributeError) as error:
        raise SourceError(f"beam_runner={runner!r} cannot be used: {error}") from error
    # Without flags of its own Beam would take the command line's.
    flags = [f"--{option.strip()}" for option in (options or "").split(",") if option.strip()]
    return dataclasses.replace(
        download_config, beam_runner=runner, beam_options=PipelineOptions(flags)
    )
