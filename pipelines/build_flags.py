"""Flags and help of the build command, generated from the options that builders declare."""

import inspect
from collections.abc import Callable, Iterator
from typing import Any

from absl import flags

from pipelines.command_line import new_flags
from pipelines.datasets import builder_class, dataset_names, description

_DEFINE: dict[type, Callable[..., Any]] = {
    bool: flags.DEFINE_boolean,
    int: flags.DEFINE_integer,
    float: flags.DEFINE_float,
}
_GENERAL = ("data_dir", "verbose")


def build_flags(builder: Any) -> flags.FlagValues:
    """Returns the general flags and one flag for each option of a builder class."""
    values = _general_flags()
    defaults = _defaults(builder)
    for name, text in builder.OPTIONS.items():
        default = defaults[name]
        if name in builder.CHOICES:
            text = f"{text}: {' or '.join(builder.CHOICES[name])}"
        define = _DEFINE.get(type(default), flags.DEFINE_string)
        define(name, default, text, flag_values=values)
    for old, new in builder.RENAMED.items():
        flags.DEFINE_alias(old, new, flag_values=values)
    return values


def general_help() -> list[str]:
    """Returns the lines of help for the flags that every data set has."""
    return _help(_general_flags(), _GENERAL)


def options_help(builder: Any) -> list[str]:
    """Returns the lines of help for the options of a builder class."""
    return _help(build_flags(builder), builder.OPTIONS)


def all_options_help() -> Iterator[str]:
    """Yields the lines of help for the options of all data sets, one group for each."""
    for dataset in dataset_names():
        yield f"\n{dataset}: {description(dataset)}"
        yield from options_help(builder_class(dataset))


def _general_flags():
    values = new_flags()
    flags.DEFINE_string("data_dir", "data", "folder that holds all builds", flag_values=values)
    return values


def _defaults(builder):
    """Returns the defaults of the arguments of a class's constructor and those of its bases."""
    constructors = [vars(each)["__init__"] for each in builder.__mro__ if "__init__" in vars(each)]
    return {
        name: parameter.default
        for constructor in reversed(constructors)
        for name, parameter in inspect.signature(constructor).parameters.items()
    }


def _help(values, names):
    return [f"  --{name}: {values[name].help}{_default(values[name].default)}" for name in names]


def _default(value):
    return "" if value is None else f" (default: {value})"
