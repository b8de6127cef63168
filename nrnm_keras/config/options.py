"""Options: groups of values, each declared once with its default, its bounds and its meaning."""

import dataclasses
import numbers
import os
import types
import typing
from typing import Any, Self

_NAMES = {bool: "True or False", int: "an integer", float: "a number", str: "a string"}


def option(
    default: Any,
    help: str,
    *,
    minimum: float | None = None,
    maximum: float | None = None,
    choices: tuple[str, ...] | None = None,
    unit: str | None = None,
    flag: str | None = None,
    old_flags: tuple[str, ...] = (),
    changes_result: bool = True,
    training_only: bool = False,
) -> Any:
    """Returns the field of an `Options` class.

    Args:
        default: the value if none is given.
        help: one sentence for `--help`, without a period.
        minimum, maximum: bounds of a number, both allowed.
        choices: tuple of the strings that are allowed.
        unit: what a number counts, such as `"steps"`.
        flag: name of the flag. Default: the field's.
        old_flags: names that the flag had before, which are still accepted.
        changes_result: whether another value gives another result. If not, an unfinished run can
            be resumed with any value.
        training_only: whether the value affects training only. If so, trained weights can be used
            with any value.

    Example:

    >>> @dataclasses.dataclass(frozen=True, kw_only=True)
    ... class Sound(Options):
    ...     rate: int = option(16_000, "sampling rate", minimum=1, unit="hertz")
    >>> Sound(rate=0)
    Traceback (most recent call last):
    ValueError: rate=0; expected at least 1 (sampling rate, in hertz)
    """
    metadata = {
        "help": help,
        "minimum": minimum,
        "maximum": maximum,
        "choices": choices,
        "unit": unit,
        "flag": flag,
        "old_flags": old_flags,
        "changes_result": changes_result,
        "training_only": training_only,
    }
    return dataclasses.field(default=default, metadata=metadata)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options:
    """A group of options whose values are checked when it is made.

    Attributes:
        given: names of the fields that were given a value. The others have their defaults.

    Raises:
        ValueError: for a value of another type, out of its bounds, or not among the choices.

    Example:

    >>> @dataclasses.dataclass(frozen=True, kw_only=True)
    ... class Sound(Options):
    ...     rate: int = option(16_000, "sampling rate", minimum=1, unit="hertz")
    >>> Sound().given, Sound(rate=16_000).given
    (frozenset(), frozenset({'rate'}))
    """

    def __new__(cls, *arguments: Any, **given: Any) -> Self:
        """Creates the object and notes which fields are given."""
        self = super().__new__(cls)
        object.__setattr__(self, "_given", frozenset(given))
        return self

    def __post_init__(self) -> None:
        """Checks every value, and turns lists into tuples and integers into floats."""
        hints = typing.get_type_hints(type(self))
        for field in dataclasses.fields(self):
            if "help" in field.metadata:
                value = _checked(field, hints[field.name], getattr(self, field.name))
                object.__setattr__(self, field.name, value)

    @classmethod
    def options(cls) -> list[dataclasses.Field]:
        """Returns the fields that `option` made, those of base classes first."""
        return [field for field in dataclasses.fields(cls) if "help" in field.metadata]

    @classmethod
    def flag_names(cls) -> list[str]:
        """Returns the names of the flags of all options."""
        return [flag_name(field) for field in cls.options()]

    @property
    def given(self) -> frozenset[str]:
        """The names of the fields that were given a value."""
        return self._given  # type: ignore[attr-defined]

    def replace(self, **changes: Any) -> Self:
        """Returns a copy with other values of some fields, which count as given."""
        copy = dataclasses.replace(self, **changes)
        object.__setattr__(copy, "_given", self.given | changes.keys())
        return copy


def flag_name(field: dataclasses.Field) -> str:
    """Returns the name of the flag of a field that `option` made."""
    return field.metadata["flag"] or field.name


def value_type(options_class: type[Options], field: dataclasses.Field) -> Any:
    """Returns the type of a field's values other than None: str, bool, int, float or tuple."""
    return _value_type(typing.get_type_hints(options_class)[field.name])


def _value_type(hint):
    kinds = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    (kind,) = (each for each in kinds if each is not type(None))
    return kind


def _checked(field, hint, value):
    if value is None and type(None) in typing.get_args(hint):
        return None
    kind = _value_type(hint)
    if typing.get_origin(kind) is tuple:
        (item, _) = typing.get_args(kind)
        is_sequence = isinstance(value, list | tuple)
        if is_sequence and all(_is(each, item) for each in value):
            return tuple(value)
        raise ValueError(_message(field, value, f"a tuple of {_NAMES[item].split()[-1]}s"))
    if kind is str and isinstance(value, os.PathLike):
        value = os.fspath(value)
    if not _is(value, kind):
        raise ValueError(_message(field, value, _NAMES[kind]))
    value = kind(value)
    rules = field.metadata
    if rules["choices"] and value not in rules["choices"]:
        raise ValueError(_message(field, value, f"one of {', '.join(rules['choices'])}"))
    if rules["minimum"] is not None and not value >= rules["minimum"]:
        raise ValueError(_message(field, value, f"at least {rules['minimum']}"))
    if rules["maximum"] is not None and not value <= rules["maximum"]:
        raise ValueError(_message(field, value, f"at most {rules['maximum']}"))
    return value


def _is(value, kind):
    if isinstance(value, bool):
        return kind is bool
    # NumPy's numbers are such numbers too.
    return isinstance(value, {int: numbers.Integral, float: numbers.Real}.get(kind, kind))


def _message(field, value, expected):
    shown = repr(value) if len(repr(value)) <= 80 else f"{repr(value)[:77]}..."
    meaning = field.metadata["help"].partition(";")[0].partition(":")[0]
    unit = f", in {field.metadata['unit']}" if field.metadata["unit"] else ""
    return f"{field.name}={shown}; expected {expected} ({meaning}{unit})"
