"""RunFolder: where a training leaves its results."""

import contextlib
import os
import pathlib
import shutil

from nrnm_keras.errors import UsageError


class RunFolder:
    """The files of one training run.

    `flags.txt` comes first and `report.json` last: a folder with a report is finished. Everything
    that is written after the training appears under its name only when it is complete.

    Args:
        path: the folder; nothing in it changes before `create`.
        overwrite: whether a run that is there may be removed. Only a run's own files are ever
            removed.

    Raises:
        UsageError: if the folder holds something, or (`create`) cannot be written.
    """

    FLAGS = "flags.txt"
    METRICS = "metrics.csv"
    TENSORBOARD = "tensorboard"
    CHECKPOINT = "best.weights.h5"
    MODEL = "model.keras"
    SAVED_MODEL = "saved_model"
    PICTURES = "pictures"
    REPORT_TEXT = "report.md"
    REPORT = "report.json"
    # The report goes first when a run is removed, as it came last.
    _NAMES = (
        REPORT,
        REPORT_TEXT,
        PICTURES,
        SAVED_MODEL,
        MODEL,
        CHECKPOINT,
        METRICS,
        TENSORBOARD,
        FLAGS,
    )

    def __init__(self, path, overwrite=False):
        self.path = pathlib.Path(path).expanduser()
        try:
            if self.path.exists() and any(self.path.iterdir()):
                self._check_run(overwrite)
        except OSError as error:
            raise UsageError(f"run_dir={path} is no folder: {error.strerror}") from error

    def create(self):
        """Makes the folder, and removes the run that it holds."""
        try:
            for name in self._NAMES:
                _remove(self.path / name)
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"run_dir={self.path} cannot be written: {error.strerror}") from error

    def __truediv__(self, name):
        return self.path / name

    @contextlib.contextmanager
    def complete(self, name):
        """Gives a path to write a file or folder to, which gets its name when it is complete."""
        suffixes = "".join(pathlib.Path(name).suffixes)
        partial = self.path / f"incomplete_{os.getpid()}{suffixes}"
        try:
            yield partial
            os.replace(partial, self.path / name)
        finally:
            _remove(partial)

    def _check_run(self, overwrite):
        if not (self.path / self.FLAGS).exists():
            raise UsageError(
                f"run_dir={self.path} holds other files than a run's; choose a new folder"
            )
        if not overwrite:
            finished = "a finished" if (self.path / self.REPORT).exists() else "an unfinished"
            raise UsageError(
                f"run_dir={self.path} holds {finished} run; choose another folder, or --overwrite"
            )


def _remove(path):
    """Removes a file or a folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
