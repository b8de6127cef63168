"""The options of the network."""

import dataclasses

from nrnm_keras.config.options import Options, option

MODELS_WITH_MEMORY = (
    *("nrnm", "nrnm_gru", "nrnm_rnn", "nrnm_high_order_rnn", "nrnm_linear"),
    "nrnm_attention_read",
)
# The models without the memory: module and class of the cell.
CELLS = {
    "lstm": "keras.layers:LSTMCell",
    "gru": "keras.layers:GRUCell",
    "rnn": "keras.layers:SimpleRNNCell",
    "high_order_rnn": "nrnm_keras.layers:HighOrderRNNCell",
    "relational_memory": "nrnm_keras.layers:RelationalMemoryCell",
}
# Cells with element-wise attention to their input.
ELEMENT_ATTENTION = {f"eleatt_{name}": name for name in ("lstm", "gru", "rnn")}
MODELS = (*MODELS_WITH_MEMORY, *CELLS, *ELEMENT_ATTENTION, "transformer")
_LARGEST_DROPOUT = 0.99


@dataclasses.dataclass(frozen=True, kw_only=True)
class NetworkConfig(Options):
    """Network"""

    model: str = option(
        "nrnm",
        "kind of recurrent layers; nrnm is an LSTM with the memory; nrnm_gru, nrnm_rnn and "
        "nrnm_high_order_rnn add the memory to other recurrences; nrnm_linear replaces "
        "self-attention with a linear map; nrnm_attention_read reads the memory by content; "
        "the others have no non-local memory",
        choices=MODELS,
    )
    units: int = option(256, "width of every recurrent layer", minimum=1)
    num_layers: int = option(3, "number of recurrent layers", minimum=1)
    nrnm_layers: tuple[int, ...] = option(
        (2,), "layers of an nrnm model that have the memory, counted from 1, as in 1,3; empty: none"
    )
    block_size: int = option(8, "length of the block that a write reads", minimum=1, unit="steps")
    stride: int = option(
        4, "distance between the hidden states of a block that get a slot", minimum=1, unit="steps"
    )
    window_size: int | None = option(
        None,
        "distance between writes; default: block_size",
        minimum=1,
        unit="steps",
    )
    memory_units: int = option(
        0,
        "width of a slot of the memory; a narrow memory leaves more of the parameters to the "
        "recurrence; 0: units",
        minimum=0,
    )
    num_heads: int = option(
        4, "attention heads; must divide units, or memory_units if that is given", minimum=1
    )
    memory_forget_bias: float = option(
        1.0,
        "initial bias of the memory's forget gate; higher values keep the memory longer",
        training_only=True,
    )
    relational_memory_slots: int = option(
        4, "slots of the relational memory", minimum=1, old_flags=("slots",)
    )
    zoneout: float = option(
        0.0,
        "zoneout rate of the layers with the memory, or of all layers if none has it",
        minimum=0.0,
        maximum=_LARGEST_DROPOUT,
        training_only=True,
    )
    memory_dropout: float = option(
        0.0,
        "dropout rate of the memory after a write",
        minimum=0.0,
        maximum=_LARGEST_DROPOUT,
        training_only=True,
    )
    chrono_steps: int = option(
        0,
        "longest dependency that the forget gates of lstm and gru, with and without the memory, "
        "start with (chrono initialization), at least 3; 0: the usual biases",
        minimum=0,
        unit="steps",
        training_only=True,
    )
    recurrent_dropout: float = option(
        0.0,
        "dropout rate of the recurrent input",
        minimum=0.0,
        maximum=_LARGEST_DROPOUT,
        training_only=True,
    )
    bidirectional: bool = option(False, "run every recurrent layer in both directions")
    dropout: float = option(
        0.2,
        "dropout rate between recurrent layers",
        minimum=0.0,
        maximum=_LARGEST_DROPOUT,
        training_only=True,
    )
    head_dropout: float = option(
        0.5,
        "dropout rate before the output layer",
        minimum=0.0,
        maximum=_LARGEST_DROPOUT,
        training_only=True,
    )
    pooling: str = option(
        "last",
        "how the hidden states of a sequence become one vector",
        choices=("last", "mean", "max", "mean_max"),
        training_only=True,
    )
