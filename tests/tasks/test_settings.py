"""The rules that choose settings from training data."""

import itertools

import pytest

from nrnm_keras.inference.run_config import automatic_flags
from nrnm_keras.tasks.settings import (
    AUTOMATIC,
    Statistics,
    settings_for_sequences,
    settings_for_texts,
    tokens_for,
)
from tests.configs import make_config

SIZES, LENGTHS = (2, 40, 299, 1000, 5452, 30_000, 10**6), (1, 17, 30, 45, 60, 400, 5000)
RULES = {"text": settings_for_texts, "sequence": settings_for_sequences}


@pytest.mark.parametrize("task", RULES)
def test_any_data_get_a_valid_configuration(task):
    for examples, length, has_validation in itertools.product(SIZES, LENGTHS, (True, False)):
        data = Statistics(examples, max(1, examples // 9), length, 3, has_validation)
        settings = RULES[task](data)
        config = make_config(task).with_values({s.flag: s.value for s in settings})
        assert {s.flag for s in settings} <= AUTOMATIC & config.values().keys()
        assert len({s.flag for s in settings}) == len(settings)
        assert all(s.reason for s in settings)
        config.task.check_network(config.network)
        # Enough steps to learn, and not many more than the data need.
        steps = config.epochs * config.passes_per_epoch * -(-examples // config.batch_size)
        assert 100 <= steps and (steps <= 1200 or config.epochs == 3)


@pytest.mark.parametrize("task", RULES)
def test_few_examples_are_validated_in_folds(task):
    def chosen(examples, has_validation=False):
        data = Statistics(examples, examples // 3, 20, 1, has_validation)
        return {s.flag: s.value for s in RULES[task](data)}

    assert chosen(60)["folds"] == 3
    assert chosen(1000)["validation_fraction"] == 0.1
    assert not {"folds", "validation_fraction"} & chosen(60, has_validation=True).keys()


@pytest.mark.parametrize("task", RULES)
@pytest.mark.parametrize("length", [1, 50, 51, 100, 101, 400, 5000])
def test_long_input_is_shortened_by_stacking(task, length):
    data = Statistics(2000, 1000, length, 1, False)
    stacked = {s.flag: s.value for s in RULES[task](data)}["stacked_steps"]
    most = {"text": 100, "sequence": 50}[task]
    assert length / stacked <= most and (stacked == 1) == (length <= most)


def test_texts_whose_words_are_mostly_unknown_are_split_into_subwords():
    # English sentences, and the same without spaces: (texts, share of unknown words).
    for examples, unknown in [(30, 0.65), (100, 0.48), (300, 0.36), (5452, 0.14)]:
        assert tokens_for(examples, unknown) == "words"
    for examples, unknown in [(10, 1.0), (100, 0.92), (3394, 0.88)]:
        assert tokens_for(examples, unknown) == "subwords"
    data = Statistics(100, 50, 30, 0, True, "subwords", 0.92, 1073)
    settings = {each.flag: each for each in settings_for_texts(data)}
    assert settings["vocabulary_size"].value == 1073
    assert settings["tokens"].reason.startswith("92 % of the words")


def test_given_options_are_not_chosen():
    config = make_config("text", units=8, batch_size=64)
    assert automatic_flags(config) == (AUTOMATIC - {"units", "batch_size"})
    assert "stride" not in automatic_flags(make_config("text", block_size=20))
    assert "num_layers" not in automatic_flags(make_config("text", nrnm_layers=2))
    for fixed in (make_config("text", settings="fixed"), make_config("text", init_from="x")):
        assert not automatic_flags(fixed)
    assert not automatic_flags(make_config("imdb"))
