"""The ranges of the arguments of `NRNMCell`."""

from typing import Any

from nrnm_keras.layers.nrnm.recurrences import BACKBONES

_CHOICES = {
    "backbone": tuple(BACKBONES),
    "interaction": ("self_attention", "linear"),
    "memory_read": ("gate", "attention"),
}


def has_heads(cell: Any) -> bool:
    """Whether a cell uses attention."""
    return cell.interaction == "self_attention" or cell.memory_read == "attention"


def check_arguments(cell: Any) -> None:
    """Raises a `ValueError` if an argument, by now an attribute of the cell, is out of range."""
    _check_sizes(cell)
    for name, choices in _CHOICES.items():
        _check(cell, name, lambda value, choices=choices: value in choices, f"one of {choices}")
    _check(cell, "memory_forget_bias", _is_number, "a number")
    for name in ("dropout", "recurrent_dropout", "memory_dropout"):
        _check(cell, name, _is_rate, "in [0, 1)")
    _check(
        cell,
        "zoneout",
        lambda zoneout: _is_rate(zoneout) or (_is_pair(zoneout) and all(map(_is_rate, zoneout))),
        "in [0, 1), or a pair of such rates for the hidden and the cell state",
    )
    _check(
        cell,
        "zoneout",
        lambda zoneout: cell.backbone == "lstm" or not _is_pair(zoneout) or not zoneout[1],
        f"one rate, or a pair whose second is 0: backbone={cell.backbone!r} has no cell state",
    )


def _check_sizes(cell):
    for name in ("units", "memory_units", "block_size", "stride", "window_size"):
        _check(cell, name, _is_positive, "a positive integer")
    multiples = [("block_size", "stride"), ("window_size", "stride")]
    if cell.num_heads is not None:
        _check(cell, "num_heads", _is_positive, "a positive integer")
        width = "units" if cell.memory_units == cell.units else "memory_units"
        multiples += [(width, "num_heads")] if has_heads(cell) else []
    for name, divisor in multiples:
        size = getattr(cell, divisor)
        expected = f"a multiple of {divisor}={size}"
        _check(cell, name, lambda value, size=size: value % size == 0, expected)


def _check(cell, name, is_right, expected):
    value = getattr(cell, name)
    if not is_right(value):
        raise ValueError(
            f"Argument `{name}` must be {expected}. Received: {name}={repr(value)[:200]}"
        )


def _is_positive(value):
    return isinstance(value, int) and value > 0


def _is_number(value):
    return isinstance(value, (int, float))


def _is_rate(value):
    return _is_number(value) and 0 <= value < 1


def _is_pair(value):
    return isinstance(value, tuple) and len(value) == 2
