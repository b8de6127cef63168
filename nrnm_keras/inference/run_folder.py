"""RunFolder: the folder of a training run."""

import contextlib
import itertools
import os
import pathlib
import shutil
import tempfile
from collections.abc import Iterator

from nrnm_keras.config import TrainConfig
from nrnm_keras.errors import UsageError
from nrnm_keras.inference.run_config import automatic_flags, config_lines, parse_lines
from pipelines import locks
from pipelines.file_errors import reading
from pipelines.publishing import leftovers, make_folder, publish, remove_leftovers


class RunFolder:
    """The files of one training run.

    `flags.txt` is written first and `report.json` last. A folder with flags and no report holds an
    unfinished run. Each file gets its name only when it is complete and on the disk.

    Args:
        path: the folder. Nothing in it changes before `create`.

    Attributes:
        lock: the `Lock` that this process holds; None outside of `locked`.
    """

    FLAGS = "flags.txt"
    METRICS = "metrics.csv"
    TENSORBOARD = "tensorboard"
    CHECKPOINTS = "checkpoints"
    BEST = "best_weights.npz"
    # The trainings of a cross-validation, each in a folder of its own.
    FOLDS = "folds"
    MODEL = "model.keras"
    SAVED_MODEL = "saved_model"
    PICTURES = "pictures"
    # Test reviews, as commands that predict them.
    EXAMPLES = "reviews_to_paste.txt"
    REPORT_TEXT = "report.md"
    REPORT = "report.json"
    # Files and records of data given in memory, which `overwrite` does not remove.
    DATA = "data"
    # Batches whose loss was not finite, by the index of the process.
    BAD_BATCH = "bad_batch_{}.npz"
    # Patterns of the files of a run, in the order of their removal: the report first.
    _NAMES = (
        REPORT,
        REPORT_TEXT,
        EXAMPLES,
        PICTURES,
        SAVED_MODEL,
        MODEL,
        BEST,
        CHECKPOINTS,
        FOLDS,
        METRICS,
        TENSORBOARD,
        BAD_BATCH.format("*"),
        FLAGS,
    )
    _STATE = (CHECKPOINTS, BEST, FOLDS)

    def __init__(self, path: str | os.PathLike) -> None:
        self.path = pathlib.Path(path).expanduser()
        self.lock: locks.Lock | None = None

    @property
    def is_finished(self) -> bool:
        """Whether the run is finished."""
        return (self / self.REPORT).exists()

    @property
    def has_state(self) -> bool:
        """Whether there are files that only an unfinished run needs."""
        return any((self / name).exists() for name in self._STATE)

    def is_untested(self, config: TrainConfig) -> bool:
        """Whether the folder holds the finished run of a configuration, but with `--notest`."""
        if not (self.is_finished and self.is_begun and config.test) or config.overwrite:
            return False
        return not _difference(self._flag_lines(), config.replace(test=False))

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Creates the folder, and locks out other trainings within this context.

        Partial files of a training that was killed are removed.

        Raises:
            UsageError: if another training uses the folder, or it cannot be written.
        """
        with contextlib.ExitStack() as stack:
            try:
                make_folder(self.path)
                lock = locks.locked(self / locks.FILE_NAME, self._refuse)
                self.lock = stack.enter_context(lock)
            except OSError as error:
                raise self._unusable(error) from error
            if self.lock.descriptor is not None:
                for name in self._NAMES:
                    remove_leftovers(self.path, name)
                remove_leftovers(self / self.CHECKPOINTS, "*")
            try:
                yield
            finally:
                self.lock = None

    def check(self, config: TrainConfig) -> None:
        """Checks whether a training may use the folder, which is created if it does not exist.

        Args:
            config: its `TrainConfig`.

        Raises:
            UsageError: if the folder holds files that do not belong to a run, or a run whose
                options would give another result, or if it cannot be written.
        """
        try:
            self._try_writing()
            if set(self.path.iterdir()) <= self._passing():
                return
            if not self.is_begun:
                raise UsageError(
                    f"run_dir={self.path} holds files that are not from a run; choose a new folder"
                )
            there = self._flag_lines()
        except OSError as error:
            raise self._unusable(error) from error
        if config.overwrite or self.is_untested(config):
            return
        if difference := _difference(there, config):
            raise UsageError(
                f"run_dir={self.path} holds a run with other flags ({difference}); "
                "choose another folder, or --overwrite"
            )

    def create(self, config: TrainConfig) -> None:
        """Creates the folder and writes the flags, unless it holds a run to resume.

        With `config.overwrite`, the files of an earlier run are removed, and no others.
        """
        try:
            if config.overwrite:
                for name in self._NAMES:
                    for path in self.path.glob(name):
                        _remove(path)
            make_folder(self.path)
            if not self.is_begun:
                self.write_flags(config)
        except OSError as error:
            raise self._unusable(error) from error

    def write_flags(self, config: TrainConfig) -> None:
        """Writes the flags of a configuration."""
        with self.complete(self.FLAGS) as path:
            text = "".join(f"{line}\n" for line in config_lines(config))
            path.write_text(text, encoding="utf-8", errors="surrogateescape")

    def config(self) -> TrainConfig:
        """Returns the `TrainConfig` of the run, with defaults for options not in its flags.

        Raises:
            UsageError: if the flags cannot be read.
        """
        try:
            config, _ = parse_lines(self._flag_lines())
        except OSError as error:
            raise UsageError(f"{self / self.FLAGS}: {error.strerror}") from error
        return config

    @property
    def is_begun(self) -> bool:
        """Whether the folder holds a run, finished or not."""
        return (self / self.FLAGS).exists()

    def fold(self, index: int) -> "RunFolder":
        """Returns the folder of a training of the cross-validation, numbered from 0."""
        return RunFolder(self / self.FOLDS / str(index + 1))

    def _flag_lines(self):
        with reading(self / self.FLAGS):
            # A damaged file counts as different flags. Paths in it need not be UTF-8.
            text = (self / self.FLAGS).read_text(encoding="utf-8", errors="surrogateescape")
        return text.splitlines()

    def remove_state(self) -> None:
        """Removes the files that only an unfinished run needs."""
        for name in self._STATE:
            _remove(self / name)

    def _try_writing(self):
        make_folder(self.path)
        with tempfile.TemporaryFile(dir=self.path) as file:
            file.write(b"something")

    def _refuse(self, holder):
        raise UsageError(
            f"run_dir={self.path} is in use by {holder}; wait until it ends, or choose another "
            "folder"
        )

    def _unusable(self, error):
        is_file = isinstance(error, FileExistsError)
        what = "is not a folder" if is_file else f"cannot be written: {error.strerror}"
        return UsageError(f"run_dir={self.path} {what}; choose another folder")

    def _passing(self):
        """Returns the paths that may be in a folder before the first run."""
        unfinished = (leftovers(self.path, name) for name in self._NAMES)
        return {self / locks.FILE_NAME, self / self.DATA, *itertools.chain(*unfinished)}

    def __truediv__(self, name: str) -> pathlib.Path:
        return self.path / name

    def complete(self, name: str) -> contextlib.AbstractContextManager[pathlib.Path]:
        """Returns a context with a temporary path, which gets its name when it is complete.

        The file or folder then replaces whatever has this name.
        """
        return publish(self / name)


def _difference(there, config):
    """Describes how the flags in a run folder differ from a configuration; empty if they agree.

    Flags that are missing in the folder are newer than the run, and count as defaults. Flags that
    this version does not know are differences. Options that are chosen from the training data have
    the values that were chosen there.
    """
    try:
        config_there, unknown = parse_lines(there)
        config = config.with_values(_chosen(config, config_there))
        there = [*config_lines(config_there), *unknown]
    except UsageError:  # damaged, or of another version
        pass
    here = config_lines(config)
    parts = [f"{line} only there" for line in there if line not in here]
    parts += [f"{line} only here" for line in here if line not in there]
    return ", ".join(parts)


def _chosen(config, there):
    """Returns the values in a run's configuration of the options that it has chosen itself."""
    names = automatic_flags(config)
    return {name: value for name, value in there.values().items() if name in names}


def _remove(path):
    """Removes a file or a folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
