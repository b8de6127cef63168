"""RunFolder: where a training leaves its results."""

import contextlib
import itertools
import os
import pathlib
import shutil
import tempfile
from collections.abc import Iterator

from nrnm_keras.config import TrainConfig
from nrnm_keras.errors import UsageError
from nrnm_keras.inference.run_config import config_lines, parse_lines
from pipelines import locks
from pipelines.file_errors import reading
from pipelines.publishing import leftovers, make_folder, publish, remove_leftovers


class RunFolder:
    """The files of one training run.

    `flags.txt` comes first and `report.json` last: a folder with flags and no report is of a run
    that can go on. Everything appears under its name only when it is complete and on the disk.

    Args:
        path: the folder; what is in it stays as it is until `create`.

    Attributes:
        lock: the `Lock` that this process has on it, None outside of `locked`.
    """

    FLAGS = "flags.txt"
    METRICS = "metrics.csv"
    TENSORBOARD = "tensorboard"
    CHECKPOINTS = "checkpoints"
    BEST = "best_weights.npz"
    MODEL = "model.keras"
    SAVED_MODEL = "saved_model"
    PICTURES = "pictures"
    REPORT_TEXT = "report.md"
    REPORT = "report.json"
    # Files and records of data that were given in memory; a run does not remove them.
    DATA = "data"
    # Batches that gave no number for a loss, by the number of the process that met them.
    BAD_BATCH = "bad_batch_{}.npz"
    # Patterns of what is in it. The report goes first when a run is removed, as it came last.
    _NAMES = (
        REPORT,
        REPORT_TEXT,
        PICTURES,
        SAVED_MODEL,
        MODEL,
        BEST,
        CHECKPOINTS,
        METRICS,
        TENSORBOARD,
        BAD_BATCH.format("*"),
        FLAGS,
    )
    _STATE = (CHECKPOINTS, BEST)

    def __init__(self, path: str | os.PathLike) -> None:
        self.path = pathlib.Path(path).expanduser()
        self.lock: locks.Lock | None = None

    @property
    def is_finished(self) -> bool:
        """Whether the run has come to its end."""
        return (self / self.REPORT).exists()

    @property
    def has_state(self) -> bool:
        """Whether there is something that only a run needs that is to go on."""
        return any((self / name).exists() for name in self._STATE)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keeps other trainings out of the folder, which is made, while the block runs.

        What a training left there that was killed while it wrote is removed.

        Raises:
            UsageError: if another training has the folder, or it cannot be written.
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
        """Finds out whether a training may use the folder, which is made if it is not there.

        Args:
            config: its `TrainConfig`.

        Raises:
            UsageError: if the folder holds other things than a run, or a run whose options would
                give another result, or cannot be written.
        """
        try:
            self._try_writing()
            if set(self.path.iterdir()) <= self._passing():
                return
            if not (self / self.FLAGS).exists():
                raise UsageError(
                    f"run_dir={self.path} holds other files than a run's; choose a new folder"
                )
            there = self._flag_lines()
        except OSError as error:
            raise self._unusable(error) from error
        if not config.overwrite and (difference := _difference(there, config)):
            raise UsageError(
                f"run_dir={self.path} holds a run of other flags ({difference}); "
                "choose another folder, or --overwrite"
            )

    def create(self, config: TrainConfig) -> None:
        """Makes the folder and writes the flags, unless it holds a run that can be resumed.

        A run that is there is removed if `config.overwrite` says so: its own files, no others.
        """
        try:
            if config.overwrite:
                for name in self._NAMES:
                    for path in self.path.glob(name):
                        _remove(path)
            make_folder(self.path)
            if not (self / self.FLAGS).exists():
                with self.complete(self.FLAGS) as path:
                    text = "".join(f"{line}\n" for line in config_lines(config))
                    path.write_text(text, encoding="utf-8", errors="surrogateescape")
        except OSError as error:
            raise self._unusable(error) from error

    def config(self) -> TrainConfig:
        """Returns the `TrainConfig` of the run, with the defaults of what is not in its flags.

        Raises:
            UsageError: if the flags cannot be read.
        """
        try:
            config, _ = parse_lines(self._flag_lines())
        except OSError as error:
            raise UsageError(f"{self / self.FLAGS}: {error.strerror}") from error
        return config

    def _flag_lines(self):
        with reading(self / self.FLAGS):
            # A damaged file is one of other flags; paths in it need not be UTF-8.
            text = (self / self.FLAGS).read_text(encoding="utf-8", errors="surrogateescape")
        return text.splitlines()

    def remove_state(self) -> None:
        """Removes what a run needs only to go on."""
        for name in self._STATE:
            _remove(self / name)

    def _try_writing(self):
        make_folder(self.path)
        with tempfile.TemporaryFile(dir=self.path) as file:
            file.write(b"something")

    def _refuse(self, holder):
        raise UsageError(
            f"run_dir={self.path} is in use by {holder}; wait for its end, or choose another folder"
        )

    def _unusable(self, error):
        is_file = isinstance(error, FileExistsError)
        what = "is no folder" if is_file else f"cannot be written: {error.strerror}"
        return UsageError(f"run_dir={self.path} {what}; choose another folder")

    def _passing(self):
        """Returns the paths of what may be in the folder of no run yet."""
        unfinished = (leftovers(self.path, name) for name in self._NAMES)
        return {self / locks.FILE_NAME, self / self.DATA, *itertools.chain(*unfinished)}

    def __truediv__(self, name: str) -> pathlib.Path:
        return self.path / name

    def complete(self, name: str) -> contextlib.AbstractContextManager[pathlib.Path]:
        """Gives a path to write a file or folder to, which gets its name when it is complete.

        It then takes the place of what has the name, whatever that is.
        """
        return publish(self / name)


def _difference(there, config):
    """Returns in words how the flags in a run folder differ from a configuration, if they do.

    Flags that the folder lacks have come since then, and had their defaults. Flags that this
    version does not know make a difference.
    """
    try:
        config_there, unknown = parse_lines(there)
        there = [*config_lines(config_there), *unknown]
    except UsageError:  # damaged, or of another version
        pass
    here = config_lines(config)
    parts = [f"{line} only there" for line in there if line not in here]
    parts += [f"{line} only here" for line in here if line not in there]
    return ", ".join(parts)


def _remove(path):
    """Removes a file or a folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
