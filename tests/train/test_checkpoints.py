import contextlib
import hashlib
import io
import logging
import resource

import keras
import numpy as np
import pytest

from nrnm_keras.errors import UsageError
from nrnm_keras.train.checkpoints import Checkpoints

FACTS = {"epoch": 2, "sums": {"loss": 0.1 + 0.2}, "history": [{"loss": 1e-300}], "devices": ["CPU"]}


@pytest.fixture(scope="module")
def network():
    """A network with what changes in training: weights, seeds, the optimizer's variables."""
    keras.utils.set_random_seed(0)
    network = keras.Sequential(
        [keras.Input((3,)), keras.layers.Dense(4), keras.layers.Dropout(0.5), keras.layers.Dense(2)]
    )
    network.compile(keras.optimizers.Adam(use_ema=True), "mse")
    return network


def train(network):
    network.train_on_batch(np.ones((5, 3)), np.ones((5, 2)))


def variables_of(network):
    return [*network.variables, *network.optimizer.variables]


def values_of(variables):
    return [keras.ops.convert_to_numpy(variable) for variable in variables]


def assert_same_bits(found, expected):
    for one, other in zip(found, expected, strict=True):
        assert (one.dtype, one.shape, one.tobytes()) == (other.dtype, other.shape, other.tobytes())


@pytest.fixture
def variables():
    return [keras.Variable([1.0, 2.0, 3.0]), keras.Variable([4, 5], dtype="int32")]


@pytest.fixture
def checkpoints(tmp_path, variables):
    """Those of steps 10 and 20; at step s the second variable is (s, s + 1)."""
    checkpoints = Checkpoints(tmp_path / "checkpoints")
    for step in (10, 20):
        variables[1].assign([step, step + 1])
        checkpoints.save(step, variables, {"step": step})
    return checkpoints


def file_of(tmp_path, step):
    (path,) = (tmp_path / "checkpoints").glob(f"*{step}.npz")
    return path


def files(tmp_path):
    return sorted(path.name for path in (tmp_path / "checkpoints").iterdir())


def test_a_training_comes_back_bit_for_bit(network, tmp_path):
    train(network)
    variables = variables_of(network)
    kinds = {np.dtype(variable.dtype).kind for variable in variables}
    assert kinds == {"f", "i"} and any("seed" in variable.path for variable in variables)
    checkpoints = Checkpoints(tmp_path / "checkpoints")
    checkpoints.save(1, variables, FACTS)
    saved = values_of(variables)
    train(network)
    continued = values_of(variables)
    assert checkpoints.newest() == 1
    assert checkpoints.facts(1) == FACTS == checkpoints.load(1, variables)
    assert_same_bits(values_of(variables), saved)
    train(network)
    assert_same_bits(values_of(variables), continued)


def test_there_is_none_at_first(tmp_path):
    checkpoints = Checkpoints(tmp_path / "checkpoints")
    assert (checkpoints.newest(), checkpoints.steps()) == (0, [])


def test_the_newest_are_kept(tmp_path, variables):
    checkpoints = Checkpoints(tmp_path / "checkpoints", keep=3)
    for step in (5, 9, 10, 100, 1000):
        checkpoints.save(step, variables, {})
        assert checkpoints.newest() == step
    assert checkpoints.steps() == [1000, 100, 10] and len(files(tmp_path)) == 3


def test_other_files_are_left_out(checkpoints, tmp_path):
    for name in ("notes.txt", "step_last.npz", "incomplete_1"):
        (tmp_path / "checkpoints" / name).write_text("mine")
    assert checkpoints.steps() == [20, 10] and checkpoints.newest() == 20


def test_a_torn_one_is_named_and_the_one_before_used(checkpoints, variables, tmp_path, caplog):
    newest = file_of(tmp_path, 20)
    whole = newest.read_bytes()
    for size in (0, 1, len(whole) // 2, len(whole) - 1):
        newest.write_bytes(whole[:size])
        caplog.clear()
        assert checkpoints.newest() == 10
        (record,) = caplog.records
        assert record.levelno == logging.WARNING and str(newest) in record.getMessage()
    assert checkpoints.load(10, variables) == {"step": 10}
    np.testing.assert_array_equal(variables[1].numpy(), [10, 11])
    file_of(tmp_path, 10).write_bytes(b"")
    assert checkpoints.newest() == 0


def test_no_changed_bit_goes_unnoticed(checkpoints, variables, tmp_path, caplog):
    newest = file_of(tmp_path, 20)
    whole = newest.read_bytes()
    for place in range(len(whole)):
        changed = bytearray(whole)
        changed[place] ^= 1 << place % 8
        newest.write_bytes(changed)
        caplog.clear()
        step = checkpoints.newest()
        if step == 20:  # a bit that says nothing, such as one of the time of day
            checkpoints.load(step, variables)
            np.testing.assert_array_equal(variables[0].numpy(), [1, 2, 3])
            np.testing.assert_array_equal(variables[1].numpy(), [20, 21])
        else:
            assert step == 10 and str(newest) in caplog.text


@pytest.mark.parametrize(
    "others", [[[1.0, 2.0, 3.0]], [[1.0, 2.0], [4, 5]], [[1.0] * 3, [4] * 2, [0]]]
)
def test_other_variables_are_refused(checkpoints, others):
    others = [keras.Variable(value) for value in others]
    before = values_of(others)
    with pytest.raises(ValueError, match="20.npz holds variables of shapes"):
        checkpoints.load(20, others)
    assert_same_bits(values_of(others), before)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_no_number_is_not_saved(checkpoints, variables, tmp_path, value):
    before = files(tmp_path)
    variables[0].assign([1.0, value, 3.0])
    with pytest.raises(UsageError) as caught:
        checkpoints.save(30, variables, {})
    for fact in (variables[0].path, "step 30", "step 20", "--learning_rate"):
        assert fact in str(caught.value)
    assert files(tmp_path) == before and checkpoints.newest() == 20


@contextlib.contextmanager
def files_limited_to(size):
    """Makes longer files impossible, as a full disk does."""
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, old[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)


def test_a_failed_write_leaves_those_before(checkpoints, variables, tmp_path):
    before = {path: path.read_bytes() for path in (tmp_path / "checkpoints").iterdir()}
    large = keras.Variable(np.ones(100_000, "float32"))
    with files_limited_to(100_000), pytest.raises(OSError):
        checkpoints.save(30, [*variables, large], {})
    assert {path: path.read_bytes() for path in (tmp_path / "checkpoints").iterdir()} == before
    checkpoints.save(30, [*variables, large], {})
    assert checkpoints.newest() == 30


def test_folder_that_cannot_be_made(tmp_path, variables):
    (tmp_path / "checkpoints").write_text("mine")
    with pytest.raises(OSError):
        Checkpoints(tmp_path / "checkpoints").save(1, variables, {})
    assert (tmp_path / "checkpoints").read_text() == "mine"


def reseal(path, change):
    """Writes a checkpoint anew, with the right SHA-256, after a change of its arrays."""
    with np.load(path) as file:
        arrays = dict(file)
    change(arrays)
    content = io.BytesIO()
    np.savez(content, **arrays)
    path.write_bytes(content.getvalue() + hashlib.sha256(content.getvalue()).digest())


def put(name, value):
    return lambda arrays: arrays.update({name: np.array(value)})


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            put("variable_00000", np.float32([1, np.nan, 3])),
            "holds a value that is not finite (variable_00000)",
        ),
        (
            put("variable_00000", np.float32([1, np.inf, 3])),
            "holds a value that is not finite (variable_00000)",
        ),
        (put("variable_00000", np.float32([1, 2])), "holds variables of shapes [(2,), (2,)]"),
        (put("variable_00000", np.float64([1, 2, 3])), "holds variables of types ['float64'"),
        (put("variable_00002", np.float32(1)), "holds variables of shapes"),
        (put("facts", "{"), "facts that cannot be read"),
        (put("facts", "[1]"), "facts that cannot be read: they are not a JSON object"),
        (put("facts", "[" * 100_000), "facts that cannot be read"),
        (put("facts", '{"step": 7}'), "facts that cannot be read: they belong to step 7"),
        (put("facts", b"\xff"), "facts that cannot be read"),
        (lambda arrays: arrays.pop("facts"), "facts that cannot be read"),
        (lambda arrays: arrays.pop("variable_00001"), "holds variables of shapes"),
        (lambda arrays: arrays.update(other=arrays.pop("variable_00000")), "holds arrays named"),
        (lambda arrays: arrays.clear(), "facts that cannot be read"),
    ],
)
def test_what_is_whole_but_no_checkpoint_of_this_training_is_left_out(
    variables, tmp_path, caplog, change, reason
):
    def check_facts(facts, step):
        if facts["step"] != step:
            raise ValueError(f"they belong to step {facts['step']}")

    checkpoints = Checkpoints(tmp_path / "checkpoints", check_facts=check_facts)
    for step in (10, 20):
        variables[1].assign([step, step + 1])
        checkpoints.save(step, variables, {"step": step})
    newest = file_of(tmp_path, 20)
    reseal(newest, change)
    before = values_of(variables)
    assert checkpoints.newest(variables) == 10
    (record,) = caplog.records
    assert f"{newest} is damaged (" in record.getMessage() and reason in record.getMessage()
    assert "\n" not in record.getMessage() and len(record.getMessage()) < 1000
    with pytest.raises(UsageError) as caught:
        checkpoints.load(20, variables)
    assert str(newest) in str(caught.value)
    assert_same_bits(values_of(variables), before)
    assert checkpoints.load(10, variables) == {"step": 10}
    caplog.clear()
    reseal(file_of(tmp_path, 10), change)
    assert checkpoints.newest(variables) == 0
    assert [r.getMessage().rsplit("; ")[-1] for r in caplog.records] == [
        "an older one is used",
        "there is no older one",
    ]


def test_what_is_saved_after_it_says_so_is_the_last_good_one(checkpoints, variables, tmp_path):
    reseal(file_of(tmp_path, 20), put("variable_00000", np.float32([1, np.nan, 3])))
    variables[0].assign([1.0, float("nan"), 3.0])
    with pytest.raises(UsageError, match="the last good checkpoint is that of step 10"):
        checkpoints.save(30, variables, {})


def test_files_of_odd_names_are_no_checkpoints(checkpoints, tmp_path):
    content = file_of(tmp_path, 20).read_bytes()
    for name in ("step_30.npz", "step_²²²²²²²²².npz", "step_-00000030.npz", "step_0000000030.npz"):
        (tmp_path / "checkpoints" / name).write_bytes(content)
    assert checkpoints.steps() == [20, 10]
    (tmp_path / "checkpoints" / "step_000000030.npz").mkdir()
    assert checkpoints.newest() == 20
