"""Flags that are generated from options: names, defaults and bounds are those of version 0.1."""

import csv
import json
import pathlib

import pytest
from absl import flags

from nrnm_keras import config
from nrnm_keras.commands.option_flags import define_options, option_help, read_options
from nrnm_keras.config.options import flag_name
from nrnm_keras.tasks import NtuRgbdTask, find_tasks

GENERAL = (
    *(config.RunConfig, config.ScheduleConfig, config.NetworkConfig),
    *(config.OptimizerConfig, config.DeviceConfig),
)
with (pathlib.Path(__file__).parent / "flags_of_version_0_1.tsv").open() as _file:
    BEFORE = list(csv.DictReader(_file, delimiter="\t", quoting=csv.QUOTE_NONE))
# A list of strings that were checked to be numbers has become a list of numbers.
NUMBERS = {"nrnm_layers": (2,)}


@pytest.fixture
def values():
    values = flags.FlagValues()
    for group in (*GENERAL, *find_tasks().values()):
        define_options(values, group)
    return values


@pytest.mark.parametrize("before", BEFORE, ids=[row["name"] for row in BEFORE])
def test_flag_means_what_it_meant(values, before):
    values([""])
    flag = values[before["name"]]
    if before["name"] in NUMBERS:
        assert flag.value == NUMBERS[before["name"]]
        return
    assert flag.value == json.loads(before["default"])
    bounds = (getattr(flag.parser, name, None) for name in ("lower_bound", "upper_bound"))
    assert list(bounds) == [json.loads(before["lower"]), json.loads(before["upper"])]
    choices = getattr(flag.parser, "enum_values", None) or []
    assert {word for word in before["choices"].split(",") if word} <= set(choices)
    assert bool(choices) == bool(before["choices"])


def test_no_flag_came_without_a_reason(values):
    known = {row["name"] for row in BEFORE}
    new = {name for name in values if name not in known}
    renamed = {"relational_memory_slots", "input_shards", "time_limit", "center", "unlabeled_file"}
    adversarial = {"adversarial", "adversarial_norm", "adversarial_weight", "entropy_weight"}
    files = {"text_column", "label_column", "on_error"}
    own_data = {"settings", "folds", "linear_classifier", "baseline"}
    own_data |= {"stacked_steps", "passes_per_epoch", "id_column", "time_column", "tokens"}
    listops = {"listops_min_length", "listops_max_length", "listops_train", "listops_test"}
    assert new == renamed | adversarial | files | own_data | listops | {
        "listops_seed",
        "chrono_steps",
        "memory_units",
        "init_layers",
        "test",
        "cluster_timeout",
        "source_limit_mb",
        "layout",
    }


def test_values_reach_the_options(values):
    values(["", "--ntu_source=a", "--view=none", "--random_tilt=5", "--velocity", "--centre=none"])
    task = read_options(values, NtuRgbdTask)
    assert (task.source, task.view, task.random_tilt, task.velocity) == ("a", "none", 5.0, True)
    assert task.center == "none"


def test_numbers_are_written_as_they_are_read(values):
    values(["", "--nrnm_layers=1, 3"])
    assert read_options(values, config.NetworkConfig).nrnm_layers == (1, 3)
    assert values["nrnm_layers"].serialize() == "--nrnm_layers=1,3"
    values(["", "--nrnm_layers="])
    assert read_options(values, config.NetworkConfig).nrnm_layers == ()


@pytest.mark.parametrize("word", ["1,x", "-1", "1;2", "1_0", "\u0661"])
def test_what_is_no_list_of_numbers_is_refused(values, word):
    with pytest.raises(flags.IllegalFlagValueError, match="separated by commas"):
        values(["", f"--nrnm_layers={word}"])


def test_help_tells_of_every_option_what_it_is(values):
    for group in (*GENERAL, *find_tasks().values()):
        text = "\n".join(option_help(group))
        for field in group.options():
            assert f"--{flag_name(field)}=" in text or f"--[no]{flag_name(field)}\n" in text
    lines = option_help(config.NetworkConfig)
    assert lines[:2] == ["", "Network:"]
    assert "  --block_size=STEPS" in lines
    assert "      length of the block that a write reads (default: 8)" in lines


def test_options_of_one_flag_are_the_same_option():
    rules = {}
    for group in (*GENERAL, *find_tasks().values()):
        for field in group.options():
            found = (field.default, field.metadata)
            assert rules.setdefault(flag_name(field), found) == found
