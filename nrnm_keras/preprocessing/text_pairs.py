"""TextPairPreprocessor: pairs of raw texts to token ids."""

from collections.abc import Sequence
from typing import Any, Self

import keras
from keras import layers

from nrnm_keras.layers.private_keras import take_strings
from nrnm_keras.preprocessing.text import TextPreprocessor
from nrnm_keras.typing import Config, Shape, Tensor


@keras.saving.register_keras_serializable(package="nrnm_keras")
class TextPairPreprocessor(layers.Layer):
    """Turns pairs of texts into token ids, stacked on the last axis.

    Args:
        preprocessor: The `TextPreprocessor` of both texts.

    Call arguments:
        texts: A pair of tensors of strings `(batch,)`.

    Returns:
        int32 ids `(batch, timesteps, 2)`, padded with 0 to the longest text.

    Example:

    >>> from nrnm_keras.preprocessing import TextPreprocessor
    >>> preprocessor = TextPreprocessor(vocabulary_size=100)
    >>> preprocessor.adapt(["A good film.", "A bad one!"])
    >>> TextPairPreprocessor(preprocessor)((["A film"], ["A bad one"])).shape
    TensorShape([1, 3, 2])
    """

    def __init__(self, preprocessor: TextPreprocessor, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.preprocessor = preprocessor
        self.supports_jit = False  # strings
        take_strings(self)

    def build(self, input_shape: Shape | None = None) -> None:
        """Creates nothing: the layer has no weights."""

    def call(self, texts: Sequence[Tensor]) -> Tensor:
        """Returns padded token ids `(batch, timesteps, 2)`."""
        import tensorflow as tf

        first, second = (tf.convert_to_tensor(each, tf.string) for each in texts)
        ids = self.preprocessor(tf.concat([first, second], axis=0))
        return tf.stack(tf.split(ids, 2), axis=-1)

    def compute_output_spec(self, texts: Sequence[keras.KerasTensor]) -> keras.KerasTensor:
        """Returns the symbolic output: ids are integers regardless of the layer's dtype."""
        return keras.KerasTensor((texts[0].shape[0], None, 2), dtype="int32")

    def get_config(self) -> Config:
        """Returns the arguments of the constructor."""
        preprocessor = keras.saving.serialize_keras_object(self.preprocessor)
        return {**super().get_config(), "preprocessor": preprocessor}

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """Creates a layer from the config that `get_config` returned."""
        preprocessor = keras.saving.deserialize_keras_object(config["preprocessor"])
        return cls(**{**config, "preprocessor": preprocessor})
