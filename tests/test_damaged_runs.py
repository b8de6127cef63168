"""Runs that are to go on and whose files are damaged."""

import hashlib
import io
import json
import shutil

import keras
import numpy as np
import pytest

from nrnm_keras.commands.command_line import EXIT_STOPPED
from nrnm_keras.train import __main__ as train
from nrnm_keras.train import finish
from tests.training_processes import write_sequences

# Many trainings. What is read of the files has quick tests beside each reader.
pytestmark = pytest.mark.slow

BEST = "best_weights.npz"


@pytest.fixture(autouse=True)
def default_precision():
    """The command sets the policy of its process."""
    yield
    keras.config.set_dtype_policy("float32")


@pytest.fixture(scope="module")
def flags(tmp_path_factory):
    sequences = write_sequences(tmp_path_factory.mktemp("data"), 40)
    return [*sequences, "--epochs=3", "--checkpoint_every=1"]


def run(flags, folder, *more):
    keras.utils.clear_session()
    return train.main([*flags, f"--run_dir={folder}", *more])


@pytest.fixture(scope="module")
def stopped_once(flags, tmp_path_factory):
    """A run that was stopped in its second epoch."""
    folder = tmp_path_factory.mktemp("stopped") / "run"
    while not (folder / BEST).exists() or len(checkpoints(folder)) < 2:
        assert run(flags, folder, "--terminate_after=0.1") == EXIT_STOPPED
    return folder


@pytest.fixture(scope="module")
def trained_once(flags, tmp_path_factory):
    """A run that was interrupted after its last epoch."""
    folder = tmp_path_factory.mktemp("trained") / "run"

    def interrupt(*_):
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(finish, "save_graphs", interrupt)
        assert run(flags, folder) == 130
    return folder


@pytest.fixture
def stopped(stopped_once, tmp_path):
    return shutil.copytree(stopped_once, tmp_path / "run")


@pytest.fixture
def trained(trained_once, tmp_path):
    return shutil.copytree(trained_once, tmp_path / "run")


def checkpoints(folder):
    return sorted((folder / "checkpoints").glob("step_*.npz"))


def step_of(path):
    return int(path.stem.removeprefix("step_"))


def reseal(path, change):
    """Writes a checkpoint anew, with the right SHA-256, after a change of its arrays."""
    with np.load(path) as file:
        arrays = dict(file)
    change(arrays)
    content = io.BytesIO()
    np.savez(content, **arrays)
    path.write_bytes(content.getvalue() + hashlib.sha256(content.getvalue()).digest())


def not_finite(arrays):
    name = next(name for name, array in arrays.items() if array.dtype.kind == "f" and array.size)
    arrays[name] = np.full_like(arrays[name], np.nan)


def one_less(arrays):
    arrays.pop(max(name for name in arrays if name != "facts"))


def other_shape(arrays):
    name = next(name for name, array in arrays.items() if array.ndim == 2)
    arrays[name] = arrays[name].T


def other_name(arrays):
    arrays["x"] = arrays.pop("variable_00000")


def other_type(arrays):
    arrays["variable_00000"] = arrays["variable_00000"].astype("float64")


def change_facts(**changes):
    def change(arrays):
        facts = {**json.loads(str(arrays["facts"])), **changes}
        arrays["facts"] = np.array(json.dumps(facts))

    return change


def no_validation(arrays):
    facts = json.loads(str(arrays["facts"]))
    for row in facts["history"]:
        del row["val_loss"]
    arrays["facts"] = np.array(json.dumps(facts))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (not_finite, "holds a value that is not finite"),
        (one_less, "holds variables of shapes"),
        (other_shape, "holds variables of shapes"),
        (other_name, "holds arrays named"),
        (other_type, "holds variables of types"),
        (change_facts(step=1000), "facts that cannot be read: they belong to step"),
        (change_facts(epoch="1"), "facts that cannot be read: epoch cannot be '1'"),
        (change_facts(other=1), "facts that cannot be read"),
        (no_validation, "facts that cannot be read"),
    ],
)
def test_checkpoint_of_another_training_is_named_and_the_one_before_used(
    flags, stopped, change, reason, capsys
):
    older, newest = checkpoints(stopped)
    reseal(newest, change)
    assert run(flags, stopped) == 0
    printed = capsys.readouterr()
    assert f"resuming after step {step_of(older)}" in printed.out
    warnings = [line for line in printed.err.splitlines() if line.startswith("warning: ")]
    assert any(str(newest) in line and reason in line for line in warnings), warnings


def test_without_a_good_checkpoint_it_starts_from_the_beginning_and_says_so(flags, stopped, capsys):
    for path in checkpoints(stopped):
        reseal(path, not_finite)
    assert run(flags, stopped) == 0
    assert (
        "all checkpoints are damaged; training starts from the beginning" in capsys.readouterr().out
    )


def best_missing(path):
    path.unlink()


def best_a_folder(path):
    path.unlink()
    path.mkdir()


def best_cut_off(path):
    path.write_bytes(path.read_bytes()[:-20])


def best_changed(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def rewritten(change):
    def write(path):
        with np.load(path) as file:
            arrays = dict(file)
        change(arrays)
        np.savez(path, **arrays)

    return write


def best_of_objects(path):
    np.savez(path, np.array([{}], dtype=object))


BEST_FAULTS = [
    (best_missing, "cannot be read: No such file"),
    (best_a_folder, "cannot be read: Is a directory"),
    (best_cut_off, "is damaged"),
    (best_changed, "is damaged"),
    (best_of_objects, "is damaged"),
    (rewritten(not_finite), "holds a value that is not finite"),
    (rewritten(lambda arrays: arrays.pop("arr_1")), "holds variables of shapes"),
    (rewritten(lambda arrays: arrays.update(x=arrays.pop("arr_0"))), "holds arrays named"),
    (rewritten(other_shape), "holds variables of shapes"),
]


@pytest.mark.parametrize("place", ["stopped", "trained"])
@pytest.mark.parametrize(("fault", "reason"), BEST_FAULTS)
def test_damaged_best_weights_are_found_before_any_step(
    flags, place, fault, reason, request, capsys
):
    folder = request.getfixturevalue(place)
    fault(folder / BEST)
    capsys.readouterr()
    assert run(flags, folder) == 1
    output = capsys.readouterr()
    assert "Epoch" not in output.out
    line = output.err.splitlines()[-1]
    assert line.startswith(f"error: {folder / BEST} ") and reason in line and "--overwrite" in line
    assert len(line) < 1000


def test_overwrite_is_a_way_on(flags, trained):
    (trained / BEST).unlink()
    assert run(flags, trained, "--overwrite") == 0


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe", b"epoch,loss\n1\n", b"\0" * 100])
def test_history_is_written_again_at_the_end(flags, trained, content):
    before = (trained / "metrics.csv").read_bytes()
    (trained / "metrics.csv").unlink()
    if content is not None:
        (trained / "metrics.csv").write_bytes(content)
    assert run(flags, trained) == 0
    assert (trained / "metrics.csv").read_bytes() == before


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\n", b"--units=5\n", b"\0" * 100])
def test_damaged_flags_are_those_of_another_run(flags, stopped, content, capsys):
    (stopped / "flags.txt").write_bytes(content)
    assert run(flags, stopped) == 1
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith(f"error: run_dir={stopped} holds a run with other flags")
