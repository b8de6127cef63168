"""Recurrent layers and cells in keras.ops only: they run on any Keras backend."""

from nrnm_keras.layers.chrono import ChronoInitializer
from nrnm_keras.layers.element_attention_cell import ElementAttentionCell
from nrnm_keras.layers.high_order_rnn_cell import HighOrderRNNCell
from nrnm_keras.layers.lstm import LSTM
from nrnm_keras.layers.nrnm.nrnm import NRNM
from nrnm_keras.layers.nrnm.nrnm_cell import NRNMCell
from nrnm_keras.layers.relational_memory_cell import RelationalMemoryCell
from nrnm_keras.layers.zoneout_cell import ZoneoutCell

__all__ = [
    "LSTM",
    "NRNM",
    "ChronoInitializer",
    "ElementAttentionCell",
    "HighOrderRNNCell",
    "NRNMCell",
    "RelationalMemoryCell",
    "ZoneoutCell",
]
