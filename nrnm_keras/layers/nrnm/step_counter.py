"""The number of steps of a sequence, as a state that any float dtype represents exactly.

Keras casts every recurrent state to the compute dtype, where a plain count would stick at 256
in bfloat16 and at 2048 in float16. Digits in base 256 are exact in both.
"""

from typing import Any

from keras import ops

from nrnm_keras.typing import Tensor

NUM_DIGITS = 3
_BASE = 256
_LIMIT = _BASE**NUM_DIGITS


def to_steps(digits: Tensor) -> Tensor:
    """Turns digits `(batch, 3)`, the lowest first, into int32 counts `(batch,)`."""
    return ops.sum(ops.cast(digits, "int32") * _places(), axis=-1)


def to_digits(steps: Tensor, dtype: Any) -> Tensor:
    """Turns int32 counts `(batch,)` into digits `(batch, 3)` of a float `dtype`."""
    return ops.cast(ops.expand_dims(steps, -1) // _places() % _BASE, dtype)


def advance(steps: Tensor, by: int, block_size: int, window_size: int) -> Tensor:
    """Adds `by`. A count that would overflow is reduced by whole windows; its block stays full."""
    steps = steps + by
    cycle = (_LIMIT - block_size) // window_size * window_size
    return ops.where(steps >= _LIMIT, steps - cycle, steps)


def _places():
    """The place values of the digits."""
    return ops.convert_to_tensor([_BASE**place for place in range(NUM_DIGITS)], "int32")
