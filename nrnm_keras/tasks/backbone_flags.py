"""The flags of the backbone, which all tasks share."""

from absl import flags

from nrnm_keras.models import RecurrentBackbone, SequencePooling, TransformerBackbone
from nrnm_keras.models.recurrent_layer import RECURRENCES

# Models with the memory: what it stands beside, and arguments of `NRNM`.
_WITH_MEMORY = {
    "nrnm": ("lstm", {}),
    "nrnm_gru": ("gru", {}),
    "nrnm_rnn": ("rnn", {}),
    "nrnm_high_order_rnn": ("high_order_rnn", {}),
    "nrnm_linear": ("lstm", {"interaction": "linear"}),
    "nrnm_attention_read": ("lstm", {"memory_read": "attention"}),
}
_TRANSFORMER = "transformer"
MODELS = (*_WITH_MEMORY, *RECURRENCES, _TRANSFORMER)
_NRNM_OPTIONS = (
    "block_size",
    "stride",
    "window_size",
    "num_heads",
    "memory_forget_bias",
    "zoneout",
    "memory_dropout",
)


def define_flags(values):
    """Defines the flags of the backbone in an absl `FlagValues`."""

    def integer(name, default, text):
        flags.DEFINE_integer(name, default, text, lower_bound=1, flag_values=values)

    def rate(name, default, text):
        flags.DEFINE_float(
            name, default, text, lower_bound=0.0, upper_bound=0.99, flag_values=values
        )

    flags.DEFINE_enum(
        "model",
        "nrnm",
        MODELS,
        "what the layers are: nrnm is the memory beside LSTM, nrnm_gru, nrnm_rnn and "
        "nrnm_high_order_rnn beside others, nrnm_linear with a linear map in place of attention, "
        "nrnm_attention_read looks for the slots that fit a step instead of reading all through a "
        "gate; the other models have no non-local memory",
        flag_values=values,
    )
    integer("units", 256, "width of every recurrent layer")
    integer("num_layers", 3, "number of recurrent layers")
    flags.DEFINE_list(
        "nrnm_layers",
        ["2"],
        "layers of an nrnm model with the memory, counted from 1, as in 1,3. Empty: none",
        flag_values=values,
    )
    flags.register_validator(
        "nrnm_layers",
        lambda numbers: all(number.isdecimal() for number in numbers),
        "layers are counted from 1 and separated by commas, as in --nrnm_layers=1,3",
        flag_values=values,
    )
    integer("block_size", 8, "steps that a write to the memory takes in")
    integer("stride", 4, "every stride-th hidden state of a block gets a slot of the memory")
    integer("window_size", None, "steps from write to write (default: block_size)")
    integer("num_heads", 4, "attention heads; must divide units")
    flags.DEFINE_float(
        "memory_forget_bias",
        1.0,
        "where the bias of the memory's forget gate starts; the higher, the longer an untrained "
        "memory keeps what was written",
        flag_values=values,
    )
    integer("slots", 4, "slots of the relational memory")
    rate("zoneout", 0.0, "zoneout of the layers with the memory, or of all layers without one")
    rate("memory_dropout", 0.0, "dropout on the memory after each write")
    rate("recurrent_dropout", 0.0, "dropout on the hidden state where it enters the gates")
    flags.DEFINE_boolean(
        "bidirectional",
        False,
        "run every recurrent layer over the reversed sequence too, with weights of its own",
        flag_values=values,
    )
    rate("dropout", 0.2, "dropout between the recurrent layers")
    rate("head_dropout", 0.5, "dropout on what the classifier pools")
    flags.DEFINE_enum(
        "pooling",
        "last",
        SequencePooling.MODES,
        "how the hidden states of a sequence become one vector",
        flag_values=values,
    )


def build_backbone(flags):
    """Returns the `RecurrentBackbone` or `TransformerBackbone` that the flags describe.

    Raises:
        ValueError: if the flags' values do not go together.
    """
    if flags.model == _TRANSFORMER:
        return TransformerBackbone(
            flags.units, flags.num_layers, flags.num_heads, flags.dropout, name="backbone"
        )
    options = {
        "dropout": flags.dropout,
        "recurrent_dropout": flags.recurrent_dropout,
        "bidirectional": flags.bidirectional,
        "name": "backbone",
    }
    if flags.model not in _WITH_MEMORY:
        return RecurrentBackbone(
            flags.units,
            flags.num_layers,
            nrnm_layers=(),
            recurrence=flags.model,
            zoneout=flags.zoneout,
            relational_options={"slots": flags.slots, "num_heads": flags.num_heads},
            **options,
        )
    recurrence, nrnm_options = _WITH_MEMORY[flags.model]
    nrnm_options = nrnm_options | {name: getattr(flags, name) for name in _NRNM_OPTIONS}
    return RecurrentBackbone(
        flags.units,
        flags.num_layers,
        [int(number) for number in flags.nrnm_layers],
        recurrence=recurrence,
        nrnm_options=nrnm_options,
        **options,
    )
