"""The bytes of texts as tokens."""

from nrnm_keras.typing import Tensor

# Printable ASCII characters stand for themselves; the space is shown, as subwords show it.
BYTE_NAMES = tuple(
    chr(b) if 32 < b < 127 else "▁" if b == 32 else f"<0x{b:02X}>" for b in range(256)
)


def split_into_bytes(texts: Tensor) -> Tensor:
    """Splits texts into the names of their bytes.

    Args:
        texts: strings `(batch,)`.

    Returns:
        `BYTE_NAMES`, a string `tf.RaggedTensor` `(batch, bytes)`.
    """
    import tensorflow as tf

    single = tf.strings.bytes_split(texts)
    codes = tf.reshape(tf.io.decode_raw(single.flat_values, tf.uint8), [-1])
    return single.with_flat_values(tf.gather(tf.constant(BYTE_NAMES), tf.cast(codes, tf.int32)))
