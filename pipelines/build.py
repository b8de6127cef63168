"""Builds a data set's TFRecords: `python -m pipelines.build imdb --source=PATH --data_dir=data`."""

import contextlib
import glob
import importlib
import inspect
import io
import logging
import os
import pathlib
import shutil
import sys

import absl.logging
from absl import flags

from pipelines import locks
from pipelines.console import MENDABLE, command_output, say, say_error, words_for
from pipelines.errors import SourceError
from pipelines.escaping import cut, for_terminal, is_utf8, quoted
from pipelines.file_errors import write_error
from pipelines.library_logs import define_verbose, import_tensorflow, is_verbose
from pipelines.publishing import make_folder, sync, sync_tree

# Data set -> "module:class". The module is imported only when its data set is asked for.
DATASETS = {
    "flip_secondary_structure": "pipelines.flip_secondary_structure.builder:FlipSecondaryStructure",
    "imdb": "pipelines.imdb.builder:Imdb",
    "long_memory": "pipelines.long_memory.builder:LongMemory",
    "ntu_rgbd": "pipelines.ntu_rgbd.builder:NtuRgbd",
    "ntu_sample": "pipelines.ntu_sample.builder:NtuSample",
    "nw_ucla": "pipelines.nw_ucla.builder:NwUcla",
    "sample_reviews": "pipelines.sample_reviews.builder:SampleReviews",
    "sequence_files": "pipelines.sequence_files.builder:SequenceFiles",
    "sick": "pipelines.sick.builder:Sick",
    "text_files": "pipelines.text_files.builder:TextFiles",
}

# What TFDS calls the folder of a build that is not through.
UNFINISHED = "incomplete."


def build(dataset, data_dir, **options):
    """Builds a data set, or finds the finished build, and returns its folder.

    Args:
        dataset: a key of `DATASETS`.
        data_dir: folder that holds all builds; made if it is missing.
        **options: the data set's own options (its builder's `OPTIONS`).

    Returns:
        A `pathlib.Path`, the folder of the built version, for `tfds.builder_from_directory`. It is
        complete whenever it is there: TFDS writes to another name and renames at the end. A build
        that another process has begun is waited for.

    Raises:
        SourceError: for an unknown data set or option, unusable raw data, or a folder that cannot
            be written.

    Example:

    >>> import tempfile
    >>> from pipelines.build import build
    >>> path = build("sample_reviews", tempfile.mkdtemp(), num_train=8, num_test=4)
    >>> path.name
    '1.0.0'
    """
    builder = _prepare(dataset, data_dir, options)
    for warning in builder.warnings():
        logging.getLogger("pipelines.build").warning("%s: %s", dataset, warning)
    return pathlib.Path(builder.data_dir)


def main(argv=None):
    """Runs the command and returns its exit code."""
    arguments = sys.argv[1:] if argv is None else list(argv)
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"  # TensorFlow would take the GPU's memory for nothing
    with command_output():
        try:
            return _run(arguments)
        except MENDABLE as error:
            say_error(words_for(error))
            return 1
        except KeyboardInterrupt:
            say_error("nothing was kept of the unfinished build", "interrupted")
            os._exit(130)  # a download's thread would keep the process until it is through


def _run(arguments):
    """Parses the command line, builds, and prints what was built."""
    dataset = next((word for word in arguments if word in DATASETS), None)
    if dataset is None:
        usage = f"{_usage('DATASET')}; DATASET is one of: {', '.join(DATASETS)}"
        if {"--help", "-h"} & set(arguments):
            say(usage)
            return 0
        for word in arguments:
            if not word.startswith("-"):
                raise _unknown_dataset(word)
        raise SourceError(f"no data set named; {usage}")
    arguments.remove(dataset)
    import_tensorflow()
    builder_class = _builder_class(dataset)
    values = _flags(builder_class)
    options = _parse(values, arguments)
    del options["verbose"]
    if options.pop("help"):
        say(_usage(dataset))
        for name in options:
            say(f"  --{name}: {values[name].help} (default: {values[name].default})")
        return 0
    builder = _prepare(dataset, options.pop("data_dir"), options)
    say(_summary(builder))
    for warning in builder.warnings():
        say_error(warning, "warning")
    return 0


def _usage(dataset):
    return f"usage: python -m pipelines.build {dataset} [--data_dir=data] [--option=value ...]"


def _unknown_dataset(dataset):
    return SourceError(f"unknown data set {quoted(dataset)}; one of: {', '.join(DATASETS)}")


def _builder_class(dataset):
    """Imports the builder of a data set."""
    if dataset not in DATASETS:
        raise _unknown_dataset(dataset)
    module, name = DATASETS[dataset].split(":")
    return getattr(importlib.import_module(module), name)


def _flags(builder_class):
    """Returns flags for the options of a builder; apart from absl's global ones."""
    values = flags.FlagValues()
    values.set_gnu_getopt(True)
    flags.DEFINE_boolean("help", False, "show this help", short_name="h", flag_values=values)
    define_verbose(values)
    flags.DEFINE_string("data_dir", "data", "folder that holds all builds", flag_values=values)
    parameters = inspect.signature(builder_class.__init__).parameters
    for name, text in builder_class.OPTIONS.items():
        default = parameters[name].default
        if name in builder_class.CHOICES:
            text = f"{text}: {' or '.join(builder_class.CHOICES[name])}"
        define = flags.DEFINE_integer if isinstance(default, int) else flags.DEFINE_string
        define(name, default, text, flag_values=values)
    return values


def _parse(values, arguments):
    """Returns the flags' values by name."""
    try:
        rest = values(["pipelines.build", *arguments])[1:]
    except flags.UnrecognizedFlagError as error:
        known = ", ".join(f"--{name}" for name in sorted(values) if name not in ("h", "help"))
        raise SourceError(f"unknown flag --{error.flagname}; allowed: {known}") from error
    if rest:
        raise SourceError(f"unexpected argument {quoted(rest[0])}; flags are written --name=value")
    return {name: values[name].value for name in values if name != "h"}


def _prepare(dataset, data_dir, options):
    """Returns the builder of a finished build, which it makes if need be."""
    builder_class = _builder_class(dataset)
    if unknown := sorted(set(options) - set(builder_class.OPTIONS)):
        allowed = ", ".join(builder_class.OPTIONS)
        raise SourceError(f"unknown option {quoted(unknown[0])} of {dataset}; allowed: {allowed}")
    if not is_utf8(data_dir):
        raise SourceError(f"data_dir={data_dir} is not UTF-8, and TensorFlow takes no other names")

    def create():
        with tfds_quiet():
            return builder_class(data_dir=pathlib.Path(data_dir).expanduser(), **options)

    builder = create()
    path = pathlib.Path(builder.data_dir)
    with contextlib.ExitStack() as stack:
        if not path.exists():
            stack.enter_context(_claimed(path))
            if path.exists():  # another process has built it meanwhile
                builder = create()
            else:
                _write(builder, path)
    with tfds_quiet():
        if not builder.is_prepared():
            raise SourceError(f"{path} holds no finished build; remove it and build again")
    return builder


@contextlib.contextmanager
def _claimed(path):
    """Waits until no other process builds a folder, and removes what dead ones left of it."""
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
    """Writes the records of a builder, and makes them durable."""
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


@contextlib.contextmanager
def tfds_quiet():
    """Hides TFDS's remarks on standard output and in the log; its progress bars are for a terminal.

    With `--verbose` all stays.
    """
    import tensorflow_datasets as tfds

    if is_verbose():
        yield
        return
    if not sys.stderr.isatty():
        tfds.disable_progress_bar()
    verbosity = absl.logging.get_verbosity()
    absl.logging.set_verbosity(absl.logging.ERROR)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        absl.logging.set_verbosity(verbosity)


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
    """Returns the number of examples of each class in words, if examples have a class label."""
    from pipelines.dataset_builder import class_feature

    counts = builder.label_counts(split)
    if not counts:
        return ""
    if len(counts) > 10:
        return f"{len(counts)} classes of {min(counts.values()):,} to {max(counts.values()):,}"
    features = builder.info.features
    names = {-1: "unlabelled", **dict(enumerate(features[class_feature(features)].names))}
    shown = ((cut(for_terminal(names[index]), 60), counts[index]) for index in sorted(counts))
    return ", ".join(f"{name} {count:,}" for name, count in shown)


if __name__ == "__main__":
    sys.exit(main())
