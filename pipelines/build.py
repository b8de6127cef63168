"""Builds a data set's TFRecords: `python -m pipelines.build imdb --source=PATH --data_dir=data`."""

import contextlib
import glob
import logging
import os
import pathlib
import shutil
import sys
from collections.abc import Sequence
from typing import Any

from pipelines import locks
from pipelines.build_flags import all_options_help, build_flags, general_help, options_help
from pipelines.command_line import parse_flags, refuse_words, run_command
from pipelines.console import say, say_error
from pipelines.datasets import builder_class, dataset_names
from pipelines.errors import SourceError
from pipelines.escaping import cut, for_terminal, is_utf8, quoted
from pipelines.file_errors import write_error
from pipelines.library_logs import import_tensorflow, tfds_quiet
from pipelines.paths import StrPath
from pipelines.publishing import make_folder, sync, sync_tree

# TFDS's prefix for the folder of an unfinished build.
UNFINISHED = "incomplete."


def build(dataset: str, data_dir: StrPath, **options: Any) -> pathlib.Path:
    """Builds a data set unless a finished build exists, and returns the build's folder.

    Args:
        dataset: the name of a data set, which is the name of its folder in this package.
        data_dir: folder that holds all builds; created if it is missing.
        **options: the data set's own options (its builder's `OPTIONS`).

    Returns:
        The folder of the built version, for `tfds.builder_from_directory`. The folder appears only
        when it is complete: TFDS writes under another name and renames at the end. If another
        process is building the same data set, this one waits for it.

    Raises:
        SourceError: for an unknown data set or option, unusable raw data, or a folder that cannot
            be written.

    Example:

    >>> import tempfile
    >>> from pipelines.build import build
    >>> path = build("sample_reviews", tempfile.mkdtemp(), num_train=8, num_test=4)
    >>> path.name
    '2.0.0'
    """
    builder = _prepare(dataset, data_dir, options)
    for warning in builder.warnings():
        logging.getLogger("pipelines.build").warning("%s: %s", dataset, warning)
    return pathlib.Path(builder.data_dir)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit code."""
    return run_command(_run, argv)


def _run(arguments):
    """Parses the command line, builds, and prints a summary of the build."""
    names = dataset_names()
    dataset = next((word for word in arguments if word in names), None)
    if dataset is None:
        return _run_without_dataset(arguments)
    arguments.remove(dataset)
    cls = builder_class(dataset)
    values = build_flags(cls)
    refuse_words(parse_flags(values, arguments, hidden=cls.RENAMED))
    if values.help:
        say("\n".join([f"usage: {_usage(dataset)}", *general_help(), *options_help(cls)]))
        return 0
    import_tensorflow()
    try:
        builder = _prepare(
            dataset, values.data_dir, {name: values[name].value for name in cls.OPTIONS}
        )
    except KeyboardInterrupt:
        say_error("no part of the unfinished build was kept", "interrupted")
        os._exit(130)  # otherwise a download's thread keeps the process alive until it is done
    say(_summary(builder))
    for warning in builder.warnings():
        say_error(warning, "warning")
    return 0


def _run_without_dataset(arguments):
    """Prints the options of all data sets, or says that a name is missing or unknown."""
    if {"--help", "-h"} & set(arguments):
        say("\n".join([f"usage: {_usage('DATASET')}", *general_help(), *all_options_help()]))
        return 0
    for word in arguments:
        if not word.startswith("-"):
            builder_class(word)  # raises an error that lists the data sets
    raise SourceError(
        f"no data set given; usage: {_usage('DATASET')}; "
        f"DATASET is one of: {', '.join(dataset_names())}"
    )


def _usage(dataset):
    return f"python -m pipelines.build {dataset} [--data_dir=data] [--option=value ...]"


def _prepare(dataset, data_dir, options):
    """Returns the builder of a finished build, which it builds first if necessary."""
    cls = builder_class(dataset)
    options = _with_current_names(options, cls.RENAMED)
    if unknown := sorted(set(options) - set(cls.OPTIONS)):
        allowed = ", ".join(cls.OPTIONS)
        raise SourceError(f"unknown option {quoted(unknown[0])} of {dataset}; allowed: {allowed}")
    if not is_utf8(data_dir):
        raise SourceError(f"data_dir={data_dir} is not UTF-8, which TensorFlow requires of paths")

    def create():
        with tfds_quiet():
            return cls(data_dir=pathlib.Path(data_dir).expanduser(), **options)

    builder = create()
    path = pathlib.Path(builder.data_dir)
    with contextlib.ExitStack() as stack:
        if not path.exists():
            stack.enter_context(_claimed(path))
            if path.exists():  # another process has built it in the meantime
                builder = create()
            else:
                _write(builder, path)
    with tfds_quiet():
        if not builder.is_prepared():
            raise SourceError(f"{path} holds no finished build; remove it and build again")
    return builder


def _with_current_names(options, renamed):
    """Returns options with their current names in place of former ones."""
    for old in set(options) & set(renamed):
        if renamed[old] in options:
            raise SourceError(f"one option is given as {renamed[old]} and as {old}; give it once")
    return {renamed.get(name, name): value for name, value in options.items()}


@contextlib.contextmanager
def _claimed(path):
    """Waits until no other process builds a folder, and removes what dead processes left of it."""
    with contextlib.ExitStack() as stack:
        try:
            make_folder(path.parent)
            lock = stack.enter_context(locks.claimed(path))
        except OSError as error:
            raise SourceError(write_error(error, path)) from error
        if lock.descriptor is not None:
            for leftover in path.parent.glob(f"{UNFINISHED}*_{glob.escape(path.name)}"):
                shutil.rmtree(leftover, ignore_errors=True)
        yield


def _write(builder, path):
    """Writes a builder's records durably."""
    import tensorflow_datasets as tfds

    checked = tfds.download.DownloadConfig(force_checksums_validation=True)
    try:
        with tfds_quiet():
            builder.download_and_prepare(download_config=checked)
        sync_tree(path)
        sync(path.parent)
    except SourceError:
        raise
    except Exception as error:
        if message := write_error(error, path):
            raise SourceError(message) from error
        raise


def _summary(builder):
    """Returns a table of the splits of a finished build."""
    lines = [for_terminal(f"{builder.info.full_name} in {builder.data_dir}")]
    for name, split in builder.info.splits.items():
        size = split.num_bytes / 2**20
        lines.append(
            f"  {name:<13} {split.num_examples:>8,} examples  {split.num_shards:>3} shards "
            f"{size:>8,.1f} MiB  {_label_counts(builder, name)}"
        )
    return "\n".join([*lines, *(f"  {for_terminal(line)}" for line in builder.summary())])


def _label_counts(builder, split):
    """Returns a split's number of examples per class as text; empty without class labels."""
    from pipelines.dataset_builder import label_names

    counts = builder.label_counts(split)
    if not counts:
        return ""
    if len(counts) > 10:
        return f"{len(counts)} classes of {min(counts.values()):,} to {max(counts.values()):,}"
    names = label_names(builder.info.features)
    shown = ((cut(for_terminal(names[index]), 60), counts[index]) for index in sorted(counts))
    return ", ".join(f"{name} {count:,}" for name, count in shown)


if __name__ == "__main__":
    sys.exit(main())
