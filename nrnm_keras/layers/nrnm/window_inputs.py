"""What the windows of a loop are given, besides the state: tensors known before the loop runs.

| tensor | shape in a window |
| --- | --- |
| `steps.inputs` | `(window_size, batch, features)` |
| `steps.active` | `(window_size, batch, 1)`, laid out |
| `steps.hidden_kept`, `steps.carry_kept` | `(window_size, batch or 1, units or 1)`, laid out |
| `write.embedded` | `(batch, block_size, memory_units)` |
| `write.gate_inputs` | `(batch, gates)` |
| `write.happens` | `(batch, 1)` |
| `write.memory_mask` | `(batch, slots * memory_units)` |

For the loop, they are stacked: windows first. Those of the steps after the last whole window have
as many steps as there are. "Laid out" is the layout of the `CellWindow`: `LSTMWindow` exchanges the
last two axes.
"""

from typing import NamedTuple

from nrnm_keras.typing import Tensor


class StepInputs(NamedTuple):
    """For the steps.

    Attributes:
        inputs: the inputs of the layer.
        active: Booleans, whether there is a step at a place; `None`: at all that matter.
        hidden_kept: the fraction of the old hidden state that is kept, by zoneout or because there
            is no step; `None`: nothing.
        carry_kept: the same for the carry.
    """

    inputs: Tensor
    active: Tensor | None = None
    hidden_kept: Tensor | None = None
    carry_kept: Tensor | None = None


class WriteInputs(NamedTuple):
    """For the write at the end of a window.

    Attributes:
        embedded: the embedded inputs of the block.
        gate_inputs: what they add to the write gates.
        happens: Booleans, whether there is a write; `None`: always.
        memory_mask: the dropout of the memory, `None` without it.
    """

    embedded: Tensor
    gate_inputs: Tensor
    happens: Tensor | None = None
    memory_mask: Tensor | None = None


class WindowInputs(NamedTuple):
    """For a window with a write."""

    steps: StepInputs
    write: WriteInputs
