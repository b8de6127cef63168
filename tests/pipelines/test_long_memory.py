import numpy as np
import pytest
import tensorflow_datasets as tfds

from pipelines.build import build
from pipelines.errors import SourceError
from pipelines.long_memory.problems import PROBLEMS, baseline, full_difficulty, generate
from pipelines.verify import verify

COUNTS = {"num_train": 40, "num_validation": 12, "num_test": 10}
# Problem, length, difficulty: short and odd lengths, the shortest ones, usual difficulties.
CASES = [
    ("adding", 2, 0),
    ("adding", 3, 0),
    ("adding", 21, 0),
    ("copy", 3, 1),
    ("copy", 21, 0),
    ("copy", 40, 7),
    ("associative_recall", 3, 1),
    ("associative_recall", 17, 0),
    ("associative_recall", 60, 26),
    ("induction", 3, 0),
    ("induction", 30, 0),
]


def names(problem, sequence):
    """The tokens of a sequence in words."""
    return [PROBLEMS[problem].tokens[token - 1] for token in sequence]


def answer(problem, sequence):
    """The target as the problem's definition has it, read from one sequence; classes by name."""
    if problem == "adding":
        return sum(value for value, marker in sequence if marker == 1)
    tokens = names(problem, sequence)
    if problem == "copy":
        cue = tokens.index("cue")
        symbols = [token for token in tokens[:cue] if token != "blank"]
        return ["blank"] * (len(tokens) - len(symbols)) + symbols
    if problem == "associative_recall":
        pairs = dict(zip(tokens[:-1:2], tokens[1:-1:2], strict=False))
        return pairs[tokens[-1]]
    return tokens[tokens.index("trigger") + 1]


@pytest.mark.parametrize(("problem", "length", "difficulty"), CASES)
def test_target_follows_from_the_sequence(problem, length, difficulty):
    sequences, targets = generate(problem, 300, length=length, difficulty=difficulty)

    assert sequences.shape == ((300, length, 2) if problem == "adding" else (300, length))
    for sequence, target in zip(sequences, targets, strict=True):
        if problem == "adding":
            assert target == pytest.approx(answer(problem, sequence.tolist()), abs=1e-6)
        elif problem == "copy":
            classes = [PROBLEMS[problem].classes[label] for label in target]
            assert classes == answer(problem, sequence)
        else:
            assert PROBLEMS[problem].classes[target] == answer(problem, sequence)


@pytest.mark.parametrize(("problem", "length", "difficulty"), CASES)
def test_types_and_ranges(problem, length, difficulty):
    sequences, targets = generate(problem, 300, length=length, difficulty=difficulty)

    if problem == "adding":
        assert sequences.dtype == targets.dtype == np.float32
        assert 0 <= sequences.min() <= sequences.max() <= 1
        assert sequences[..., 0].max() < 1
    else:
        assert sequences.dtype == targets.dtype == np.int32
        assert 1 <= sequences.min() <= sequences.max() <= len(PROBLEMS[problem].tokens)
        assert 0 <= targets.min() <= targets.max() < len(PROBLEMS[problem].classes)


def assert_uniform(positions, number):
    """Checks by chi-square, far in the tail, that all of range(number) are equally frequent."""
    counts = np.bincount(positions, minlength=number)
    expected = len(positions) / number
    assert len(counts) == number
    assert ((counts - expected) ** 2 / expected).sum() < number + 6 * np.sqrt(2 * number)


@pytest.mark.parametrize("length", [20, 21])
def test_adding_marks_one_number_of_each_half_uniformly(length):
    sequences, _ = generate("adding", 4000, length=length)
    rows, steps = np.nonzero(sequences[..., 1])

    assert set(np.unique(sequences[..., 1])) == {0, 1}
    assert rows.tolist() == [row for row in range(4000) for _ in range(2)]
    assert_uniform(steps[::2], length // 2)
    assert_uniform(steps[1::2] - length // 2, length - length // 2)
    assert sequences[..., 0].mean() == pytest.approx(0.5, abs=0.01)


def test_copy_has_symbols_blanks_cue_and_room_for_the_answer():
    sequences, _ = generate("copy", 4000, length=20, difficulty=4)

    for sequence in sequences:
        assert names("copy", sequence)[4:] == ["blank"] * 11 + ["cue"] + ["blank"] * 4
    for step in range(4):
        assert_uniform(sequences[:, step] - 1, 8)
    assert np.abs(np.corrcoef(sequences[:, :4].T) - np.eye(4)).max() < 0.1


def test_recall_has_distinct_keys_and_asks_for_each_equally_often():
    sequences, targets = generate("associative_recall", 4000, length=20, difficulty=6)
    asked = []
    for sequence in sequences:
        tokens = names("associative_recall", sequence)
        keys, values, query = tokens[:12:2], tokens[1:12:2], tokens[-1]
        assert len(set(keys)) == 6
        assert all(key.isalpha() and len(key) == 1 for key in keys)
        assert all(value.isdigit() for value in values)
        assert tokens[12:-1] == ["blank"] * 7
        asked.append(keys.index(query))

    assert_uniform(np.array(asked), 6)
    assert_uniform(sequences[:, 0] - 1, 26)
    assert_uniform(targets, 10)


def test_induction_has_its_trigger_twice_and_the_first_in_any_place():
    sequences, targets = generate("induction", 4000, length=12)
    trigger = 1 + PROBLEMS["induction"].tokens.index("trigger")
    rows, steps = np.nonzero(sequences == trigger)

    assert rows.tolist() == [row for row in range(4000) for _ in range(2)]
    assert set(steps[1::2]) == {11}
    assert_uniform(steps[::2], 10)
    assert_uniform(targets, 16)


@pytest.mark.parametrize("problem", PROBLEMS)
def test_seed_reproduces(problem):
    first, second, other = (generate(problem, 50, length=30, seed=seed) for seed in (1, 1, 2))

    for array, same, another in zip(first, second, other, strict=True):
        np.testing.assert_array_equal(array, same)
        assert (array != another).any()


@pytest.mark.parametrize(("problem", "length", "difficulty"), CASES)
def test_baseline_is_what_the_best_constant_scores(problem, length, difficulty):
    _, targets = generate(problem, 20_000, length=length, difficulty=difficulty)
    score = baseline(problem, length, difficulty)

    if problem == "adding":
        assert np.mean((targets - 1) ** 2) == pytest.approx(score, rel=0.03)
        assert targets.mean() == pytest.approx(1, abs=0.01)
    elif problem == "copy":
        assert np.mean(targets == 0) == pytest.approx(score)
    else:
        frequencies = np.bincount(targets) / len(targets)
        np.testing.assert_allclose(frequencies, score, rtol=0.15)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"problem": "sorting"}, "problem='sorting'; expected adding or copy or"),
        ({"length": 1}, "length=1; adding needs at least 2"),
        ({"problem": "copy", "length": 20}, "length=20; copy with difficulty=10 needs at least 21"),
        (
            {"problem": "associative_recall", "difficulty": 9, "length": 18},
            "length=18; associative_recall with difficulty=9 needs at least 19",
        ),
        ({"problem": "induction", "length": 2}, "length=2; induction needs at least 3"),
        ({"difficulty": 2}, "difficulty=2; adding allows only 0"),
        ({"problem": "induction", "difficulty": 1}, "difficulty=1; induction allows only 0"),
        ({"problem": "copy", "difficulty": -1}, "difficulty=-1; copy allows 0 or more"),
        (
            {"problem": "associative_recall", "difficulty": 27},
            "difficulty=27; associative_recall allows 0 to 26",
        ),
        ({"num_train": 0}, "num_train=0; expected at least 1"),
        ({"num_validation": 0}, "num_validation=0; expected at least 1"),
        ({"num_test": -3}, "num_test=-3; expected at least 1"),
        ({"seed": -1}, "seed=-1; expected at least 0"),
    ],
)
def test_bad_options(options, message, tmp_path):
    with pytest.raises(SourceError, match=f"^{message}"):
        build("long_memory", tmp_path, **COUNTS | options)
    assert not any(tmp_path.iterdir())


def test_generate_checks_its_arguments():
    with pytest.raises(SourceError, match="^count=0; expected at least 1"):
        generate("adding", 0, length=10)
    with pytest.raises(SourceError, match="^length=4; copy with difficulty=2 needs at least 5"):
        generate("copy", 1, length=4, difficulty=2)
    with pytest.raises(SourceError, match="^problem='xor'"):
        baseline("xor", 10)


@pytest.mark.parametrize("problem", PROBLEMS)
def test_build_as_a_reader_sees_it(problem, tmp_path):
    path = build("long_memory", tmp_path, problem=problem, length=25, **COUNTS)
    builder = tfds.builder_from_directory(path)
    numeric = problem == "adding"

    assert path.parent.name == (
        f"{problem}_length_25_difficulty_{full_difficulty(problem, 25)}"
        "_train_40_validation_12_test_10_seed_0"
    )
    assert builder.info.supervised_keys == ("sequence", "target")
    assert tuple(builder.info.metadata["tokens"]) == PROBLEMS[problem].tokens
    assert tuple(builder.info.metadata["classes"]) == PROBLEMS[problem].classes
    if problem in ("associative_recall", "induction"):
        assert tuple(builder.info.features["target"].names) == PROBLEMS[problem].classes
    seen = []
    for split, count in (("train", 40), ("validation", 12), ("test", 10)):
        records = list(builder.as_dataset(split=split).as_numpy_iterator())
        assert {record["id"].decode() for record in records} == {
            f"{split}/{index}" for index in range(count)
        }
        for record in records:
            sequence, target = record["sequence"], record["target"]
            assert sequence.dtype == (np.float32 if numeric else np.int32)
            assert sequence.shape == ((25, 2) if numeric else (25,))
            assert target.shape == ((25,) if problem == "copy" else ())
            expected = answer(problem, sequence.tolist())
            if numeric:
                assert target == pytest.approx(expected, abs=1e-6)
            else:
                classes = np.array(PROBLEMS[problem].classes)[target]
                assert classes.tolist() == expected
            seen.append(sequence.tobytes())
    assert len(set(seen)) == len(seen)
    report = verify(path)
    assert report.problems == report.warnings == []
    assert sum(report.label_counts["train"].values()) == (
        40 if problem in ("associative_recall", "induction") else 0
    )


def shards(path):
    return {file.name: file.read_bytes() for file in path.glob("*.tfrecord-*")}


def test_same_options_give_the_same_bytes_and_others_other_builds(tmp_path):
    options = COUNTS | {"problem": "copy", "length": 25}
    first = build("long_memory", tmp_path / "a", **options)

    assert shards(first) == shards(build("long_memory", tmp_path / "b", **options))
    assert build("long_memory", tmp_path / "a", **options, difficulty=10) == first
    assert not {
        build("long_memory", tmp_path / "a", **options | other)
        for other in ({"seed": 1}, {"length": 26}, {"difficulty": 3}, {"num_test": 11})
    } & {first}


def test_no_sequence_is_in_two_splits(tmp_path):
    counts = {"num_train": 100, "num_validation": 60, "num_test": 60}  # of 8 ** 3 sequences
    path = build("long_memory", tmp_path, problem="copy", length=9, difficulty=3, **counts)

    report = verify(path)

    assert report.problems == []
    assert any("records of train have the same sequence" in line for line in report.warnings)


def test_too_few_sequences_for_splits_without_common_ones(tmp_path):
    with pytest.raises(SourceError, match="^validation: most sequences of copy with length=3 and"):
        build("long_memory", tmp_path, problem="copy", length=3, difficulty=1, **COUNTS)
