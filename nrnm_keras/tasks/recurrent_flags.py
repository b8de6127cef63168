"""The flags of the recurrent backbone, which all tasks share."""

from absl import flags

from nrnm_keras.models import RecurrentBackbone, SequencePooling

_NRNM_OPTIONS = ("block_size", "stride", "window_size", "num_heads", "zoneout", "memory_dropout")


def define_flags(values):
    """Defines the flags of the backbone in an absl `FlagValues`."""

    def integer(name, default, text):
        flags.DEFINE_integer(name, default, text, lower_bound=1, flag_values=values)

    def rate(name, default, text):
        flags.DEFINE_float(
            name, default, text, lower_bound=0.0, upper_bound=0.99, flag_values=values
        )

    integer("units", 256, "width of every recurrent layer")
    integer("num_layers", 3, "number of recurrent layers")
    flags.DEFINE_list(
        "nrnm_layers",
        ["2"],
        "layers with the memory, counted from 1, as in 1,3; the others are LSTM. Empty: none",
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
    rate("zoneout", 0.0, "zoneout of the layers with the memory")
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
    """Returns the `RecurrentBackbone` that the flags describe."""
    return RecurrentBackbone(
        flags.units,
        flags.num_layers,
        [int(number) for number in flags.nrnm_layers],
        dropout=flags.dropout,
        recurrent_dropout=flags.recurrent_dropout,
        bidirectional=flags.bidirectional,
        nrnm_options={name: getattr(flags, name) for name in _NRNM_OPTIONS},
        name="backbone",
    )
