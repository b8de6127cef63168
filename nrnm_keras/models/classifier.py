"""Classifier: base class of sequence classification and sequence tagging."""

from typing import Any, Self

import keras
from keras import layers

from nrnm_keras.typing import Config


class Classifier(keras.Model):
    """A backbone, dropout and a linear layer.

    Args:
        backbone: Layer from `(batch, timesteps, features)` to hidden states
            `(batch, timesteps, units)`, such as a `RecurrentBackbone`.
        num_classes: Integer of at least 2.
        dropout: Float in [0, 1), dropout on the inputs of the linear layer.

    Raises:
        ValueError: if there are fewer than 2 classes.
    """

    def __init__(
        self, backbone: keras.Layer, num_classes: int, dropout: float = 0.0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if num_classes < 2:
            raise ValueError(
                f"Argument `num_classes` must be at least 2. Received: num_classes={num_classes!r}"
            )
        self.backbone = backbone
        self.num_classes = num_classes
        self.dropout = dropout
        self.dropout_layer = layers.Dropout(dropout, dtype=self.dtype_policy)
        self.logits_layer = layers.Dense(
            num_classes, dtype=self.dtype_policy.variable_dtype, name="logits"
        )
        self.supports_masking = True

    def get_config(self) -> Config:
        """Returns the arguments of the constructor."""
        return {
            **super().get_config(),
            "backbone": keras.saving.serialize_keras_object(self.backbone),
            "num_classes": self.num_classes,
            "dropout": self.dropout,
        }

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """Creates a classifier from the config that `get_config` returned."""
        backbone = keras.saving.deserialize_keras_object(config["backbone"])
        return cls(**{**config, "backbone": backbone})
