"""What the networks of `--model` are made of."""

import numpy as np
import pytest
from keras import layers, ops

from nrnm_keras import NRNM
from nrnm_keras.config.network import MODELS, NetworkConfig
from nrnm_keras.layers import LSTM
from nrnm_keras.models import TransformerBackbone
from nrnm_keras.models.building import build_backbone


def backbone(**options):
    options = {"units": 16, "num_heads": 2, "relational_memory_slots": 2, **options}
    return build_backbone(NetworkConfig(**options))


@pytest.mark.parametrize(
    ("model", "recurrence", "interaction", "memory_read"),
    [
        ("nrnm", "lstm", "self_attention", "gate"),
        ("nrnm_gru", "gru", "self_attention", "gate"),
        ("nrnm_rnn", "rnn", "self_attention", "gate"),
        ("nrnm_high_order_rnn", "high_order_rnn", "self_attention", "gate"),
        ("nrnm_linear", "lstm", "linear", "gate"),
        ("nrnm_attention_read", "lstm", "self_attention", "attention"),
    ],
)
def test_memories(model, recurrence, interaction, memory_read):
    options = {"block_size": 12, "stride": 6, "window_size": 18, "memory_forget_bias": 2.5}
    first, second, third = backbone(model=model, **options).recurrent_layers
    assert isinstance(second, NRNM) and type(first) is type(third) is not NRNM
    cell = second.cell
    assert (cell.backbone, cell.interaction) == (recurrence, interaction)
    assert (cell.memory_read, cell.memory_units) == (memory_read, cell.units)
    assert (cell.block_size, cell.stride, cell.window_size) == (12, 6, 18)
    assert (cell.num_heads, cell.memory_forget_bias) == (2, 2.5)


def test_width_of_the_memory():
    cell = backbone(model="nrnm", units=16, memory_units=6).recurrent_layers[1].cell
    assert (cell.units, cell.memory_units) == (16, 6)


@pytest.mark.parametrize("model", [model for model in MODELS if "nrnm" not in model])
def test_models_without_memory(model):
    built = backbone(model=model, num_layers=2)
    if model == "transformer":
        assert isinstance(built, TransformerBackbone)
        return
    keras_own = {"lstm": LSTM, "gru": layers.GRU, "rnn": layers.SimpleRNN}
    kind = keras_own.get(model, layers.RNN)
    assert [type(layer) for layer in built.recurrent_layers] == [kind, kind]


@pytest.mark.parametrize("zoneout", [0.0, 0.1])
@pytest.mark.parametrize("model", ["lstm", "gru", "nrnm", "nrnm_gru"])
def test_chrono_initialization(model, zoneout):
    built = backbone(model=model, units=64, chrono_steps=50, zoneout=zoneout, num_layers=2)
    built.build((None, None, 3))
    for layer in built.recurrent_layers:
        cell = getattr(layer.cell, "cell", layer.cell)
        bias = ops.convert_to_numpy(cell.bias).reshape(-1, cell.bias.shape[-1])[0]
        times = np.exp(bias.reshape(-1, 64)[0 if "gru" in model else 1])
        assert 1 <= times.min() < 10 and 40 < times.max() <= 49


@pytest.mark.parametrize(
    ("option", "shown"),
    [
        ({"model": "rnn", "chrono_steps": 9}, "chrono_steps=9"),
        ({"model": "lstm", "chrono_steps": 2}, "longest=2"),
        ({"model": "nrnm_rnn", "chrono_steps": 9}, "recurrence='rnn', chrono_steps=9"),
        ({"num_heads": 3}, "3"),
        ({"block_size": 9}, "9"),
        ({"nrnm_layers": (4,)}, "4"),
    ],
)
def test_values_that_do_not_go_together(option, shown):
    with pytest.raises(ValueError, match=shown):
        backbone(**option)
