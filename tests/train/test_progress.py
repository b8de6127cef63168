import json

import pytest

from nrnm_keras.train.progress import Progress


def step(loss, examples, accuracy=0.0):
    return {"loss": loss, "accuracy": accuracy, "examples": examples}


def with_history(*rows):
    history = [{"val_accuracy": accuracy, "val_loss": loss} for accuracy, loss in rows]
    return Progress(epoch=len(history), history=history)


def test_means_are_over_examples():
    progress = Progress()
    progress.add_step(step(1.0, 8.0, accuracy=0.5))
    assert progress.means() == {"accuracy": 0.5, "loss": 1.0}
    progress.add_step(step(4.0, 4.0, accuracy=1.0))
    assert progress.means() == {"accuracy": 8 / 12, "loss": 24 / 12}
    assert (progress.epoch, progress.step, progress.examples) == (0, 2, 12.0)


def test_an_epoch_becomes_a_row_and_the_next_starts_from_nothing():
    progress = Progress()
    for epoch, loss in enumerate((3.0, 2.0)):
        progress.add_step(step(loss, 5.0))
        progress.end_epoch({"loss": loss + 1, "accuracy": 0.25})
        assert (progress.epoch, progress.step, progress.examples) == (epoch + 1, 0, 0.0)
        assert progress.sums == {}
    first, second = progress.history
    expected = {"accuracy": 0.0, "loss": 3.0, "val_accuracy": 0.25, "val_loss": 4.0}
    # The columns of metrics.csv in their order.
    assert list(first.items()) == list(expected.items())
    assert (second["loss"], second["val_loss"]) == (2.0, 3.0)


@pytest.mark.parametrize(
    ("rows", "by_accuracy", "by_loss"),
    [
        ([(0.5, 1.0)], 0, 0),
        ([(0.5, 1.0), (0.9, 2.0), (0.7, 0.5)], 1, 2),
        ([(0.9, 1.0), (0.9, 0.5), (0.9, 0.7)], 1, 1),  # of equal ones that of the lowest loss
        ([(0.9, 0.5), (0.5, 0.5), (0.9, 0.5)], 0, 0),  # and of these the first
    ],
)
def test_best_epoch(rows, by_accuracy, by_loss):
    progress = with_history(*rows)
    assert progress.best_epoch("accuracy", "max") == by_accuracy
    assert progress.best_epoch("loss", "min") == by_loss


def test_json_holds_all_of_it():
    progress = Progress(devices=["CPU"], xla=True)
    progress.add_step(step(0.1, 3.0))
    progress.end_epoch({"loss": 1 / 3, "accuracy": 2 / 3})
    progress.add_step(step(0.7, 3.0))
    progress.seconds, progress.waited = 1.1, 0.3
    there_and_back = Progress(**json.loads(json.dumps(progress.facts())))
    assert there_and_back == progress
    assert list(there_and_back.history[0]) == list(progress.history[0])


def test_facts_are_a_copy():
    progress = Progress()
    progress.add_step(step(1.0, 1.0))
    facts = progress.facts()
    progress.add_step(step(5.0, 1.0))
    assert Progress(**facts).means()["loss"] == 1.0


def facts():
    progress = Progress(devices=["CPU"])
    progress.add_step(step(0.1, 3.0))
    progress.end_epoch({"loss": 1 / 3, "accuracy": 2 / 3})
    progress.add_step(step(0.7, 3.0))
    return json.loads(json.dumps(progress.facts()))


def test_facts_come_back():
    assert Progress.from_facts(facts(), ["loss", "accuracy"]).facts() == facts()
    assert Progress.from_facts(Progress().facts(), ["loss"]) == Progress()
    infinite = facts()
    infinite["history"][0]["val_perplexity"] = float("inf")
    assert Progress.from_facts(infinite).history == infinite["history"]


@pytest.mark.parametrize(
    "change",
    [
        {"other": 1},
        *({name: None} for name in Progress().facts()),
        *({name: "1"} for name in Progress().facts()),
        *({name: -1} for name in ("epoch", "step", "examples", "seconds", "waited")),
        *({name: True} for name in ("epoch", "step", "examples", "seconds", "waited")),
        *({name: 1.5} for name in ("epoch", "step")),
        *({name: float("nan")} for name in ("examples", "seconds", "waited")),
        {"seconds": 10**400},
        {"epoch": 2},
        {"examples": 0},
        {"sums": {"loss": "1"}},
        {"sums": [1]},
        {"history": [{"loss": 1.0}]},
        {"history": [{"loss": 1.0, "val_loss": None, "val_accuracy": 1.0}]},
        {"history": [1]},
        {"history": facts()["history"] + [{"val_loss": 1.0, "val_accuracy": 1.0}], "epoch": 2},
        {"devices": [1]},
        {"xla": 1},
    ],
)
def test_other_facts_are_refused(change):
    with pytest.raises(ValueError):
        Progress.from_facts({**facts(), **change}, ["loss", "accuracy"])


@pytest.mark.parametrize("name", Progress().facts())
def test_no_fact_may_be_missing(name):
    others = {key: value for key, value in facts().items() if key != name}
    with pytest.raises(ValueError, match=name):
        Progress.from_facts(others)


def test_metrics_are_over_the_examples_that_have_a_label():
    progress = Progress()
    progress.add_step(step(1.0, 8.0) | {"labeled": 0.0})
    assert progress.means() == {"accuracy": 0.0, "loss": 1.0}
    progress.add_step(step(3.0, 8.0, accuracy=1.0) | {"labeled": 1.0})
    progress.add_step(step(2.0, 8.0, accuracy=0.5) | {"labeled": 4.0})
    assert progress.means() == {"accuracy": 3 / 5, "loss": 2.0}
    again = Progress(**json.loads(json.dumps(progress.facts())))
    assert again.means() == progress.means()
    progress.end_epoch({"loss": 1.0})
    assert progress.history == [{"accuracy": 3 / 5, "loss": 2.0, "val_loss": 1.0}]


def test_an_epoch_begun_by_an_earlier_version_goes_on():
    progress = Progress(epoch=0, step=1, sums={"accuracy": 8.0, "loss": 16.0}, examples=16.0)
    progress.add_step(step(2.0, 8.0, accuracy=1.0) | {"labeled": 8.0})
    assert progress.means() == {"accuracy": 16 / 24, "loss": 32 / 24}
