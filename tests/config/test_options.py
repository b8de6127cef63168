"""Groups of options: what a value may be, and what is said of one that it may not."""

import dataclasses
import pathlib

import numpy as np
import pytest

from nrnm_keras.config import NetworkConfig, RunConfig, ScheduleConfig, TextConfig
from nrnm_keras.config.options import Options, option


@dataclasses.dataclass(frozen=True, kw_only=True)
class Sound(Options):
    """Sound"""

    rate: int = option(16_000, "sampling rate; telephones have 8000", minimum=1, unit="hertz")
    gain: float = option(1.0, "amplification", minimum=0.0, maximum=2.0)
    file: str | None = option(None, "file to read")
    kind: str = option("wav", "format", choices=("wav", "flac"))
    is_stereo: bool = option(False, "two channels")
    channels: tuple[int, ...] = option((), "channels, counted from 1")


def test_defaults_are_those_that_are_declared():
    assert dataclasses.astuple(Sound()) == (16_000, 1.0, None, "wav", False, ())


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"gain": 2}, 2.0),
        ({"gain": np.float32(0.5)}, 0.5),
        ({"rate": np.int64(8)}, 8),
        ({"file": pathlib.Path("a.wav")}, "a.wav"),
        ({"file": None}, None),
        ({"channels": [1, 3]}, (1, 3)),
        ({"kind": "flac"}, "flac"),
        ({"rate": 1}, 1),
        ({"gain": 0}, 0.0),
    ],
)
def test_values_become_those_of_the_declared_type(values, expected):
    ((name, _),) = values.items()
    value = getattr(Sound(**values), name)
    assert value == expected and type(value) is type(expected)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"rate": 0}, "rate=0; expected at least 1 (sampling rate, in hertz)"),
        ({"rate": 1.5}, "rate=1.5; expected an integer"),
        ({"rate": "8"}, "rate='8'; expected an integer"),
        ({"rate": True}, "rate=True; expected an integer"),
        ({"gain": 2.5}, "gain=2.5; expected at most 2.0"),
        ({"gain": float("nan")}, "gain=nan; expected at least 0.0"),
        ({"gain": None}, "gain=None; expected a number"),
        ({"kind": "mp3"}, "kind='mp3'; expected one of wav, flac"),
        ({"is_stereo": 1}, "is_stereo=1; expected True or False"),
        ({"channels": "1,2"}, "channels='1,2'; expected a tuple of integers"),
        ({"channels": (1, "2")}, "channels=(1, '2'); expected a tuple of integers"),
        ({"file": 7}, "file=7; expected a string"),
    ],
)
def test_what_a_value_may_not_be_is_told_with_what_is_expected(values, message):
    with pytest.raises(ValueError) as error:
        Sound(**values)
    assert str(error.value).startswith(message)


def test_a_message_has_a_bounded_length():
    with pytest.raises(ValueError) as error:
        Sound(kind="x" * 10_000)
    assert len(str(error.value)) < 200


def test_options_do_not_change():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Sound().rate = 1
    assert Sound().replace(rate=5) == Sound(rate=5)
    with pytest.raises(ValueError, match="rate=0"):
        Sound().replace(rate=0)


def test_a_subclass_has_the_options_of_its_bases_first():
    names = [field.name for field in NetworkConfig.options()]
    assert names[:3] == ["model", "units", "num_layers"]

    @dataclasses.dataclass(frozen=True, kw_only=True)
    class Both(TextConfig, ScheduleConfig):
        """Both"""

    names = [field.name for field in Both.options()]
    assert names.index("epochs") < names.index("max_length")


def test_what_leaves_the_result_as_it_is():
    unchanged = {f.name for f in RunConfig.options() if not f.metadata["changes_result"]}
    assert unchanged == {"run_dir", "overwrite", "checkpoint_every", "time_limit"}
