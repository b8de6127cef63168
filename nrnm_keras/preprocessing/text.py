"""TextPreprocessor: raw text to token ids."""

from typing import Any

import keras
from keras import layers

from nrnm_keras.layers.at_least_one import at_least_one
from nrnm_keras.layers.private_keras import take_strings
from nrnm_keras.preprocessing.subwords import BEGIN, learn_subwords, split_into_subwords
from nrnm_keras.preprocessing.text_bytes import split_into_bytes
from nrnm_keras.typing import Config, Shape, Tensor

UNKNOWN = "[UNK]"

# Applied in this order to lower-case text; RE2 syntax.
_REWRITES = (
    (r"<br\s*/?>", " "),
    (r"[’‘`´]", "'"),
    (r"[^\pL\pM\pN\p{So}'!?]+", " "),
    (r"(^|[^\pL\pM\pN])'+", r"\1 "),  # apostrophes are kept between letters only;
    (r"'+([^\pL\pM\pN]|$)", r" \1"),  # elsewhere they are quotation marks
    (r"n't\b", " n't"),
    (r"'(s|m|d|re|ve|ll)\b", r" '\1"),
    (r"!+", " ! "),
    (r"\?+", " ? "),
)
_MORE_REWRITES = {
    "words": ((r"(\p{So}\pM*|\p{Han}|\p{Hiragana}|\p{Katakana})", r" \1 "),),
    "subwords": ((BEGIN, " "), (r"(\p{So}\pM*)", r" \1 "), (" +", " ")),
}
_TOKENS = ("words", "subwords", "bytes")


@keras.saving.register_keras_serializable(package="nrnm_keras")
class TextPreprocessor(layers.Layer):
    """Turns raw text into token ids: normalization, tokenization, truncation, lookup, padding.

    Normalization replaces HTML line breaks (`<br />`) by spaces, letters by lower-case letters, and
    curly apostrophes by straight ones. Tokens are words and numbers; `!` and `?`, where a run is
    one token; emoji and other symbols; single Chinese characters and Japanese kana; and the English
    suffixes `n't`, `'s`, `'m`, `'d`, `'re`, `'ve` and `'ll` (`didn't` becomes `did n't`). Other
    punctuation is dropped. A text without a token becomes one unknown token.

    A text with more than `max_length` tokens is truncated in the middle: its first
    `int(head_fraction * max_length)` tokens and its last tokens are kept, as reviews state their
    verdict at either end.

    Id 0 is padding, on the right; id 1 is an unknown token; other ids are sorted by frequency. The
    vocabulary is computed by `adapt` and saved with the layer.

    Args:
        vocabulary_size: Integer of at least 3, the largest number of ids, including padding and
            the unknown token.
        max_length: Positive integer, the largest number of tokens of a text.
        head_fraction: Float in [0, 1], the share of `max_length` for the beginning of long texts.
        tokens: `"words"`, or `"subwords"`: `adapt` learns pieces of words with SentencePiece, and
            words are split into their longest pieces from left to right. The first piece of a word
            begins with `▁`; Chinese characters and kana are joined to pieces, too. For texts whose
            words are mostly unknown or are not separated: Thai, DNA, codes, agglutinating
            languages. `"bytes"`: every byte of the text as it is, without normalization.

    Call arguments:
        texts: Strings `(batch,)` in UTF-8; invalid bytes are replaced by spaces.

    Returns:
        int32 ids `(batch, timesteps)`, padded to the longest truncated text; an empty batch has
        one time step. `Embedding(mask_zero=True)` computes the mask.

    Raises:
        ValueError: if an argument is out of its range.

    Example:

    >>> preprocessor = TextPreprocessor(vocabulary_size=100, max_length=4)
    >>> preprocessor.adapt(["A good film.", "A bad one!"])
    >>> preprocessor.vocabulary[:3]
    ['', '[UNK]', 'a']
    >>> preprocessor(["A <br />good GOOD one"]).shape
    TensorShape([1, 4])
    """

    def __init__(
        self,
        vocabulary_size: int = 20_000,
        max_length: int = 400,
        head_fraction: float = 0.25,
        tokens: str = "words",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        _check(vocabulary_size >= 3, "vocabulary_size", vocabulary_size, "at least 3")
        _check(max_length >= 1, "max_length", max_length, "at least 1")
        _check(0 <= head_fraction <= 1, "head_fraction", head_fraction, "in [0, 1]")
        _check(tokens in _TOKENS, "tokens", tokens, f"one of {_TOKENS}")
        self.vocabulary_size = vocabulary_size
        self.max_length = max_length
        self.head_fraction = head_fraction
        self.tokens = tokens
        self.lookup = layers.StringLookup(
            max_tokens=vocabulary_size, mask_token="", oov_token=UNKNOWN, name="lookup"
        )
        self.supports_jit = False  # strings
        take_strings(self)

    @property
    def vocabulary(self) -> list[str]:
        """The tokens in the order of their ids, starting with padding and the unknown token."""
        return [str(token) for token in self.lookup.get_vocabulary()]

    def build(self, input_shape: Shape | None = None) -> None:
        """Creates nothing: the layer has no weights."""

    def adapt(self, texts: Any) -> None:
        """Computes the vocabulary: the most frequent tokens of the texts before truncation.

        Subwords are learned with the library `sentencepiece`, in order of their probability.

        Args:
            texts: list of strings, or `tf.data.Dataset` of batches of strings.
        """
        import tensorflow as tf

        if not isinstance(texts, tf.data.Dataset):
            texts = tf.data.Dataset.from_tensors(tf.constant(texts, tf.string))
        if self.tokens != "subwords":
            self.lookup.adapt(texts.map(self.tokenize))
            return
        batches = texts.map(self._normalize).as_numpy_iterator()
        normalized = (text.decode() for batch in batches for text in batch.ravel())
        self.lookup.set_vocabulary(learn_subwords(normalized, self.vocabulary_size - 2))

    def call(self, texts: Tensor) -> Tensor:
        """Returns padded token ids `(batch, timesteps)`."""
        return at_least_one(self.encode(texts).to_tensor(), 1)

    def encode(self, texts: Tensor) -> Tensor:
        """Returns the token ids of a batch of texts, unpadded, as an int32 `tf.RaggedTensor`."""
        import tensorflow as tf

        tokens = self.truncate(self.tokenize(texts))
        return tokens.with_flat_values(tf.cast(self.lookup(tokens.flat_values), tf.int32))

    def tokenize(self, texts: Tensor) -> Tensor:
        """Returns the tokens of a batch of texts as a string `tf.RaggedTensor`.

        Subwords need a vocabulary first.
        """
        import tensorflow as tf

        is_bytes = self.tokens == "bytes"
        texts = tf.convert_to_tensor(texts, tf.string) if is_bytes else self._normalize(texts)
        if self.tokens == "words":
            return tf.strings.split(tf.where(texts == "", UNKNOWN, texts))
        if is_bytes:
            tokens = split_into_bytes(texts)
        else:
            tokens = split_into_subwords(texts, lambda pieces: self.lookup(pieces) > 1)
        none = tf.cast(texts == "", tokens.row_splits.dtype)
        unknown = tf.fill([tf.reduce_sum(none)], UNKNOWN)
        return tf.concat([tokens, tf.RaggedTensor.from_row_lengths(unknown, none)], axis=1)

    def _normalize(self, texts):
        """Returns the texts with spaces between words, as strings."""
        import tensorflow as tf

        texts = tf.convert_to_tensor(texts, tf.string)
        texts = tf.strings.unicode_transcode(texts, "UTF-8", "UTF-8", replacement_char=ord(" "))
        texts = tf.strings.lower(texts, encoding="utf-8")
        for pattern, replacement in (*_REWRITES, *_MORE_REWRITES[self.tokens]):
            texts = tf.strings.regex_replace(texts, pattern, replacement)
        return tf.strings.strip(texts)

    def truncate(self, tokens: Tensor) -> Tensor:
        """Truncates rows longer than `max_length` in the middle."""
        import tensorflow as tf

        head = int(self.head_fraction * self.max_length)
        tail = self.max_length - head
        if tail == 0:
            return tokens[:, :head]
        return tf.concat([tokens[:, :head], tokens[:, head:][:, -tail:]], axis=1)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Returns `(batch, timesteps)`, the latter unknown."""
        return (input_shape[0], None)

    def compute_output_spec(self, texts: keras.KerasTensor) -> keras.KerasTensor:
        """Returns the symbolic output: ids are integers regardless of the layer's dtype."""
        return keras.KerasTensor(self.compute_output_shape(texts.shape), dtype="int32")

    def get_config(self) -> Config:
        """Returns the arguments of the constructor."""
        return {
            **super().get_config(),
            "vocabulary_size": self.vocabulary_size,
            "max_length": self.max_length,
            "head_fraction": self.head_fraction,
            "tokens": self.tokens,
        }


def _check(condition, name, value, expected):
    if not condition:
        raise ValueError(f"Argument `{name}` must be {expected}. Received: {name}={value!r}")
