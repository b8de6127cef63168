"""Builds with Apache Beam instead of processes on this machine."""

import contextlib
import dataclasses
import io

import tensorflow_datasets as tfds

from pipelines.errors import SourceError
from pipelines.escaping import quoted
from pipelines.install_hint import install_hint


def with_beam(
    download_config: tfds.download.DownloadConfig, runner: str, options: str | None
) -> tfds.download.DownloadConfig:
    """Returns a download configuration with which Beam writes the shards.

    Args:
        download_config: the configuration to start from.
        runner: name of a runner, such as "FlinkRunner".
        options: the runner's options, such as "flink_master=host:8081,parallelism=64", or None.

    Raises:
        SourceError: if Apache Beam is not installed, has no such runner or refuses an option.
    """
    try:
        from apache_beam.options.pipeline_options import PipelineOptions
        from apache_beam.runners import create_runner
    except ImportError as error:
        raise SourceError(
            f"beam_runner={quoted(runner)} needs Apache Beam ({error}): {install_hint('beam')}"
        ) from error
    try:
        create_runner(runner)
    except (ValueError, ImportError, AttributeError) as error:
        raise SourceError(f"beam_runner={quoted(runner)} cannot be used: {error}") from error
    flags = [f"--{option.strip()}" for option in (options or "").split(",") if option.strip()]
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            beam_options = PipelineOptions(flags)  # without flags it reads the command line
            beam_options.get_all_options()
    except SystemExit as error:
        reason = said.getvalue().strip().rpartition("\n")[2]
        raise SourceError(f"beam_options={quoted(options)} cannot be used: {reason}") from error
    return dataclasses.replace(download_config, beam_runner=runner, beam_options=beam_options)
