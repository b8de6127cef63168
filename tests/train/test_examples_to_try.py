"""What a run on generated reviews gives people to try."""

import shlex

import keras
import numpy as np

from nrnm_keras.inference.run_folder import RunFolder
from nrnm_keras.models import ClassProbabilities
from nrnm_keras.tasks import SampleReviewsTask
from nrnm_keras.train.examples_to_try import answer_examples, show_example, write_examples
from nrnm_keras.train.next_steps import next_steps
from pipelines.build import build

LONG = "I don't like it. " + " ".join(f"word{i}" for i in range(100))


def example(text, answer, probability=0.9, truth="neg"):
    return {"text": text, "class": truth, "answer": answer, "probability": probability}


def reports(**answers):
    flags = {"flags": {"model": "nrnm"}}
    return {name: {"examples_to_try": rows, **flags} for name, rows in answers.items()}


def test_long_and_short_test_reviews_of_each_class(tmp_path):
    records = build("sample_reviews", tmp_path, num_train=40, num_test=60)
    task = SampleReviewsTask().open(records)
    examples = task.examples_to_try()
    assert [name for _, name in examples] == 2 * (3 * ["neg"] + 3 * ["pos"])
    lengths = [len(text.split()) for text, _ in examples]
    assert min(lengths[:6]) > 100 > max(lengths[6:])
    task.records.leave_out_test()
    assert task.examples_to_try() == []


def test_answers_are_the_models():
    texts = keras.Input((), dtype="string")
    scores = keras.layers.Lambda(lambda x: _scores(x), output_shape=(2,))(texts)
    exported = keras.Model(texts, ClassProbabilities(["neg", "pos"])(scores))
    answers = answer_examples(exported, [("bad", "neg"), ("well", "neg")])
    assert answers == [example("bad", "neg", 0.8808), example("well", "pos", 0.8808)]


def _scores(texts):
    import tensorflow as tf

    longer = tf.cast(tf.strings.length(texts) > 3, "float32")
    return tf.stack([2 - 2 * longer, 2 * longer], axis=-1)


def test_the_first_that_the_models_answer_differently_is_shown_in_short():
    agreed, differing = example("So dull.", "neg"), example(LONG, "neg", 0.99)
    lines = show_example(
        reports(nrnm=[agreed, differing], lstm=[agreed, {**differing, "answer": "pos"}])
    )
    assert lines[:2] == ["", "A test review:"]
    assert lines[-3:] == ["truth neg", "nrnm  neg 0.9900", "lstm  pos 0.9900"]
    review = " ".join(line.strip() for line in lines[2:-3])
    assert review.startswith("I don't like it. word0 ") and review.endswith(" word98 word99")
    assert "[... 44 words ...]" in review and max(map(len, lines)) <= 100


def test_a_single_run_shows_its_first_example_and_others_show_none():
    lines = show_example(reports(**{"": [example("So dull.", "neg")]}))
    assert lines[-3:] == ["    So dull.", "truth neg", "nrnm  neg 0.9000"]
    assert show_example({"": {"flags": {}}}) == []


def test_the_file_has_commands_that_a_shell_takes_as_they_are(tmp_path):
    folder = RunFolder(tmp_path / "a run")
    folder.path.mkdir()
    write_examples([example(LONG, "neg"), example('"Bad" & $HOME!', "pos")], folder)
    first, *lines = (folder / "reviews_to_paste.txt").read_text().splitlines()
    assert first.startswith("# Test reviews")
    commands = [shlex.split(line) for line in lines if line and not line.startswith("#")]
    texts = [command[-1].removeprefix("--text=") for command in commands]
    assert texts == [LONG, '"Bad" & $HOME!']
    assert all(command[3] == f"--run={folder.path}" for command in commands)
    assert "# neg; predicted: pos 0.9000" in lines


def test_the_next_steps_name_the_file(tmp_path):
    report = {"task": "sample_reviews", "flags": {}}
    assert "reviews_to_paste.txt" not in next_steps(tmp_path, report)
    shown = next_steps(tmp_path, {**report, "examples_to_try": [example("So dull.", "neg")]})
    assert shown.splitlines()[-1] == f"to try:  {tmp_path}/reviews_to_paste.txt"
    assert np.char.startswith(shown.splitlines(), ["report:", "predict:", "export:", "to"]).all()
