"""Plots that explain a prediction of a trained model: `visualize` and its command."""

from typing import TYPE_CHECKING

from nrnm_keras import lazy

if TYPE_CHECKING:
    from nrnm_keras.visualize.visualizing import Drawn, explain, visualize

__all__ = ["Drawn", "explain", "visualize"]
__getattr__ = lazy.getter(__name__, dict.fromkeys(__all__, "nrnm_keras.visualize.visualizing"))
