"""Checks of options, each with one form of message."""

from collections.abc import Iterable

from pipelines.errors import SourceError
from pipelines.escaping import quoted


def check_at_least(smallest: int, **options: int) -> None:
    """Raises a `SourceError` that names the first option below the smallest allowed value.

    Example:

    >>> check_at_least(1, num_train=0)
    Traceback (most recent call last):
    pipelines.errors.SourceError: num_train=0; expected at least 1
    """
    for name, value in options.items():
        if value < smallest:
            raise SourceError(f"{name}={value}; expected at least {smallest}")


def check_choice(choices: Iterable[str], **options: str) -> None:
    """Raises a `SourceError` that names the first option whose value is not among the choices.

    Example:

    >>> check_choice(["fail", "skip"], on_error="ignore")
    Traceback (most recent call last):
    pipelines.errors.SourceError: on_error='ignore'; expected fail or skip
    """
    choices = list(choices)
    for name, value in options.items():
        if value not in choices:
            raise SourceError(f"{name}={quoted(value)}; expected {' or '.join(choices)}")
