"""absl flags that are generated from the options of `nrnm_keras.config`."""

import textwrap
from collections.abc import Iterable
from typing import Any, TypeVar

from absl import flags

from nrnm_keras.config.options import Options, flag_name, value_type

AnyOptions = TypeVar("AnyOptions", bound=Options)


class _NumbersParser(flags.ArgumentParser):
    """Parses integers separated by commas, such as `1,3`; nothing for none."""

    syntactic_help = "integers separated by commas"

    def parse(self, argument):
        """Returns a tuple of integers."""
        if isinstance(argument, list | tuple):
            return tuple(argument)
        words = [word.strip() for word in argument.split(",")] if argument.strip() else []
        if not all(word.isascii() and word.isdecimal() for word in words):
            raise ValueError("expected integers separated by commas, as in 1,3")
        return tuple(map(int, words))

    def flag_type(self):
        """Returns the name of the type."""
        return "comma separated integers"


class _NumbersSerializer(flags.ArgumentSerializer):
    """Writes integers separated by commas."""

    def serialize(self, value):
        """Returns the text."""
        return ",".join(map(str, value))


def define_options(values: flags.FlagValues, options_class: type[Options]) -> None:
    """Defines a flag for each option that has none yet, and an alias for each of its old names.

    Args:
        values: absl `FlagValues`.
        options_class: a class of `Options`.
    """
    for field in options_class.options():
        name, rules = flag_name(field), field.metadata
        default: Any = field.default
        if name in values:
            continue
        kind = value_type(options_class, field)
        parser: flags.ArgumentParser
        serializer: flags.ArgumentSerializer | None
        bounds = {"lower_bound": rules["minimum"], "upper_bound": rules["maximum"]}
        if rules["choices"]:
            parser, serializer = flags.EnumParser(list(rules["choices"])), None
        elif kind is bool:
            flags.DEFINE_boolean(name, default, rules["help"], flag_values=values)
            continue
        elif kind is int:
            parser, serializer = flags.IntegerParser(**bounds), None
        elif kind is float:
            parser, serializer = flags.FloatParser(**bounds), None
        elif kind is str:
            parser, serializer = flags.ArgumentParser(), None
        else:
            parser, serializer = _NumbersParser(), _NumbersSerializer()
        flags.DEFINE(
            parser,
            name,
            default,
            rules["help"],
            flag_values=values,
            serializer=serializer or flags.ArgumentSerializer(),
        )
        for old in rules["old_flags"]:
            flags.DEFINE_alias(old, name, values)


def read_options(
    values: flags.FlagValues, options_class: type[AnyOptions], **more: Any
) -> AnyOptions:
    """Returns the options with the values of their flags; absent flags do not count as given.

    Args:
        values: absl `FlagValues`, parsed.
        options_class: a class of `Options`.
        **more: values of fields that are not options.

    Raises:
        ValueError: for values that are not allowed.
    """
    named = ((field.name, values[flag_name(field)]) for field in options_class.options())
    given = {name: flag.value for name, flag in named if flag.present}
    return options_class(**given, **more)


def as_flag(name: str, value: Any) -> str | None:
    """Returns a line of a flag file that gives a flag a value, or None for the value None.

    Example:

    >>> as_flag("nrnm_layers", (1, 3)), as_flag("bidirectional", False)
    ('--nrnm_layers=1,3', '--nobidirectional')
    """
    if value is None:
        return None
    if isinstance(value, bool):
        return f"--{name}" if value else f"--no{name}"
    return f"--{name}={written(value)}"


def option_help(options_class: type[Options]) -> list[str]:
    """Returns the lines of `--help` about options: a group for each class that declares some."""
    lines: list[str] = []
    for group in reversed(options_class.__mro__):
        own = [
            f for f in options_class.options() if f.name in vars(group).get("__annotations__", {})
        ]
        if own:
            lines += ["", f"{str(group.__doc__).splitlines()[0].rstrip('.')}:"]
        for field in own:
            kind = value_type(options_class, field)
            lines += _described(flag_name(field), field.default, field.metadata, kind)
    return lines


def flag_help(title: str, values: flags.FlagValues, names: Iterable[str]) -> list[str]:
    """Returns the lines of `--help` about flags that are not options.

    Args:
        title: the group's title.
        values: absl `FlagValues`.
        names: their names.
    """
    lines = ["", f"{title}:"]
    for name in names:
        flag = values[name]
        kind = {"bool": bool, "int": int, "float": float}.get(flag.flag_type(), str)
        lines += _described(name, flag.default, {"help": flag.help}, kind)
    return lines


def _described(name, default, rules, kind):
    head = f"--[no]{name}" if kind is bool else f"--{name}={_placeholder(rules, kind)}"
    text = rules["help"]
    if default not in (None, "", False, (), []) and "default:" not in text:
        text += f" (default: {written(default)})"
    lines = textwrap.wrap(text, 90, initial_indent=" " * 6, subsequent_indent=" " * 6)
    return [f"  {head}", *lines]


def _placeholder(rules, kind):
    if rules.get("choices"):
        return "|".join(rules["choices"])
    if rules.get("unit"):
        return rules["unit"].upper().replace(" ", "_")
    return {int: "NUMBER", float: "NUMBER", str: "TEXT"}.get(kind, "NUMBERS")


def written(value: Any) -> str:
    """Returns a value as it is written on a command line."""
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
