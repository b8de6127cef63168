"""Trainings in processes of their own, which tests can follow, stop and kill."""

import json
import multiprocessing
import os
import pathlib
import re
import resource
import signal
import socket
import subprocess
import sys
import time

import keras
import numpy as np

import nrnm_keras.models
import nrnm_keras.preprocessing  # noqa: F401  (what a saved network is made of)

# More seconds than any line of a training takes, even where many processes share one core.
_PATIENCE = 900
_SECONDS_BETWEEN_LOOKS = 0.01
# What a run removes at its end.
_REMOVED = ("checkpoints", "best_weights.npz")
_COMMAND = [sys.executable, "-m", "nrnm_keras.train"]
_SMALL = [
    *(
        "--task=sequence",
        "--settings=fixed",
        "--units=4",
        "--num_layers=1",
        "--nrnm_layers=1",
        "--num_heads=2",
    ),
    *("--block_size=4", "--stride=2", "--batch_size=8", "--dropout=0", "--head_dropout=0"),
]

_started = []

# Importing TensorFlow takes half the time of a small training: processes are forked from one that
# has imported it, and used none of it.
_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload(["nrnm_keras.train.__main__", "nrnm_keras.train.training"])
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def write_sequences(folder, count):
    """Writes labelled sequences of 5 to 16 steps; returns the flags that train on them."""
    random = np.random.default_rng(0)
    lengths = random.integers(5, 17, count)
    steps = random.normal(size=(count, 16, 2)).astype("float32")
    labels = (steps[:, :5, 0].mean(axis=1) > 0).astype("int64")
    np.savez(folder / "train.npz", x=steps, lengths=lengths, y=labels)
    return [*_SMALL, f"--train_file={folder}/train.npz", f"--data_dir={folder}/data"]


def error_in(output):
    """Returns what a training's output says of why it stopped, or None."""
    # TensorFlow's log has "CUDA error: ..." on a machine without a GPU.
    found = re.search(r"(?:(?<!CUDA )error: |stopped after).*", output)
    return found and found[0]


def weights(run):
    """Returns the weights of a finished run's network."""
    return keras.saving.load_model(run / "model.keras").get_weights()


def report(run):
    """Returns the report of a finished run."""
    return json.loads((run / "report.json").read_text())


def kill_all():
    """Kills what has been started and has not ended; for the end of a module's tests."""
    for training in _started:
        if not training.ended:
            training.send("SIGKILL")
    _started.clear()


class Training:
    """A process that trains.

    Args:
        arguments: list of words, the command's.
        log: path of the file that gets its output.
        environment: variables besides this process's.
        file_limit: bytes that none of its files may exceed, as if the disk were full then.
        interruption: None, or a pair: the name of a file or folder, and what happens right after
            that has got its name or was removed: the name of a signal, or a `file_limit`.
    """

    def __init__(self, arguments, log, environment=None, file_limit=None, interruption=None):
        self._log = log
        log.write_text("")
        self._start(list(arguments), environment or {}, file_limit, interruption)
        _started.append(self)

    def _start(self, *arguments):
        self._process = _forks.Process(target=_train, args=(self._log, *arguments), daemon=True)
        self._process.start()

    def _poll(self):
        return self._process.exitcode

    @property
    def pid(self):
        """The number of the process."""
        return self._process.pid

    @property
    def ended(self):
        """Whether it has ended."""
        return self._poll() is not None

    @property
    def output(self):
        """What the process has written so far."""
        return self._log.read_text(errors="replace")

    @property
    def error(self):
        """What it says of why it stopped, if it does."""
        return error_in(self.output)

    @property
    def step(self):
        """The last step that it has shown to be taken, over all epochs; 0 before any."""
        start, _, epoch = self.output.rpartition("Epoch ")
        bars = re.findall(r"\x1b\[1m\s*(\d+)/(\d+)", epoch)
        if not bars:
            earlier = re.findall(r"resuming after step (\d+)", start)
            return int(earlier[0]) if earlier else 0
        step, steps = map(int, bars[-1])
        return (int(epoch.split("/")[0]) - 1) * steps + step

    @property
    def went_on_after(self):
        """The step that it said it resumes after; 0 if it began anew."""
        found = re.search(r"resuming after step (\d+)", self.output)
        return int(found[1]) if found else 0

    @property
    def is_testing(self):
        """Whether training is over, and the result is tested and exported."""
        return "\nValidation:" in self.output

    def wait_until(self, condition):
        """Waits until a function of no arguments returns something true."""
        give_up = time.monotonic() + _PATIENCE
        while not condition():
            code = self._poll()
            assert code is None or condition(), f"ended with {code}:\n{self.output}"
            assert time.monotonic() < give_up, f"still waiting:\n{self.output}"
            time.sleep(_SECONDS_BETWEEN_LOOKS)

    def wait(self):
        """Waits for the end and returns the exit code."""
        give_up = time.monotonic() + _PATIENCE
        while self._poll() is None:
            if time.monotonic() > give_up:
                self.send("SIGKILL")
                raise AssertionError(f"still running:\n{self.output}")
            time.sleep(_SECONDS_BETWEEN_LOOKS)
        return self._poll()

    def send(self, name):
        """Sends a signal, given its name."""
        os.kill(self._process.pid, getattr(signal, name))


class Command(Training):
    """The same from the command line: `python -m nrnm_keras.train`."""

    def _start(self, arguments, environment, file_limit, interruption):
        assert file_limit is None and interruption is None
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                [*_COMMAND, *arguments],
                env={**os.environ, **environment},
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def _poll(self):
        return self._process.poll()


def start_workers(arguments, log, kind=Training, count=2):
    """Returns the `Training`s of the processes of a multi_worker training on this machine."""
    sockets = [socket.create_server(("localhost", 0)) for _ in range(count)]
    workers = [f"localhost:{each.getsockname()[1]}" for each in sockets]
    for each in sockets:
        each.close()
    trainings = []
    for index in range(count):
        config = {"cluster": {"worker": workers}, "task": {"type": "worker", "index": index}}
        environment = {"TF_CONFIG": json.dumps(config)}
        name = log.with_name(f"{log.name}_{index}")
        flags = [*arguments, "--strategy=multi_worker"]
        trainings.append(kind(flags, name, environment))
    return trainings


class ForksInTurn:
    """A process that imports everything once and then runs trainings, each in a fork of its own.

    It is also a context, at whose end the process is gone.

    Args:
        jobs: list of pairs of the command's arguments and the path that gets its output.
        environment: variables besides this process's.
    """

    def __init__(self, jobs, environment):
        jobs = json.dumps([[arguments, str(log)] for arguments, log in jobs])
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.training_processes", jobs],
            cwd=pathlib.Path(__file__).parents[1],
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()

    def wait(self):
        """Waits for the end; returns the exit codes."""
        return [int(line) for line in self._process.communicate()[0].split()]


def _run_in_turn(jobs):
    import nrnm_keras.train.training  # noqa: F401  (before the forks, which share it)

    for arguments, log in jobs:
        process = multiprocessing.get_context("fork").Process(
            target=_train, args=(pathlib.Path(log), arguments, {}, None, None)
        )
        process.start()
        process.join()
        print(process.exitcode, flush=True)


def _train(log, arguments, environment, file_limit, interruption):
    """Runs in the forked process."""
    os.environ.update(environment)
    file = log.open("w", buffering=1)
    for descriptor in (1, 2):
        os.dup2(file.fileno(), descriptor)
    sys.stdout = sys.stderr = file
    if file_limit is not None:
        _limit_files(file_limit)
    if interruption is not None:
        _interrupt_after(*interruption)

    from nrnm_keras.train import __main__ as train

    sys.exit(train.main(arguments))


def _limit_files(size):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def _interrupt_after(name, event):
    """Makes something happen once: when a file or folder has got its name.

    Of what a run needs only to go on, when it is removed at the end.
    """
    waiting = [name]

    def followed(function):
        def follow(*paths, **options):
            function(*paths, **options)
            if os.path.basename(paths[-1]) in waiting:
                waiting.clear()
                if isinstance(event, int):
                    _limit_files(event)
                else:
                    os.kill(os.getpid(), getattr(signal, event))

        return follow

    if name in _REMOVED:
        os.unlink, os.rmdir = map(followed, (os.unlink, os.rmdir))
    else:
        os.replace = followed(os.replace)


if __name__ == "__main__":
    _run_in_turn(json.loads(sys.argv[1]))
