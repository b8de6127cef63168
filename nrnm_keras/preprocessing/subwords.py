"""Subwords: pieces of words, learned from texts and found again by longest match."""

import collections
import io
import itertools
from collections.abc import Callable, Iterable, Iterator

from nrnm_keras.typing import Tensor

BEGIN = "▁"  # marks the beginning of a word
_LONGEST = 16  # characters of a piece, `BEGIN` included
# SentencePiece skips texts of more than 4,192 bytes; a character has at most 4.
_LONGEST_TEXT = 1000
_MOST_CHARACTERS = 10_000_000  # to learn from


def learn_subwords(texts: Iterable[str], size: int) -> list[str]:
    """Returns the pieces that SentencePiece's unigram model (Kudo, ACL 2018) learns.

    Every character is a piece, if there is room for all; otherwise the most frequent ones.

    Args:
        texts: iterable of strings, whose words are separated by spaces.
        size: Integer, the largest number of pieces.

    Returns:
        List of strings, the most probable pieces first.
    """
    import sentencepiece

    texts = list(_up_to_limit(texts))
    counts = collections.Counter(itertools.chain.from_iterable(texts))
    counts.pop(" ", None)
    if size < 2 or not counts:
        return [BEGIN]
    rare = [character for character, _ in counts.most_common()[size - 1 :]]
    if rare:
        texts = [text.translate(str.maketrans("".join(rare), " " * len(rare))) for text in texts]
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts),
        model_writer=model,
        vocab_size=size + 1,  # its unknown piece is left out below
        hard_vocab_limit=False,
        character_coverage=1.0,
        max_sentencepiece_length=_LONGEST,
        normalization_rule_name="identity",
        bos_id=-1,
        eos_id=-1,
        minloglevel=2,
    )
    learned = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    ids = range(learned.get_piece_size())
    return [learned.id_to_piece(i) for i in ids if not learned.is_unknown(i)][:size]


def split_into_subwords(texts: Tensor, is_piece: Callable[[Tensor], Tensor]) -> Tensor:
    """Splits words into their longest pieces, from left to right.

    Greedy matching classifies about as well as the most probable pieces (Uzan et al., ACL 2024),
    and needs operations of TensorFlow only. A character that is not a piece stands alone.

    Args:
        texts: strings `(batch,)`, whose words are separated by single spaces.
        is_piece: function from strings to booleans of the same shape.

    Returns:
        The pieces, a string `tf.RaggedTensor` `(batch, pieces)`.
    """
    import tensorflow as tf

    texts = tf.where(texts == "", "", BEGIN + tf.strings.regex_replace(texts, " ", BEGIN))
    characters = tf.strings.unicode_split(texts, "UTF-8")
    flat = characters.flat_values
    pieces, lengths = _longest_pieces(flat, is_piece)
    starts = _reached(flat == BEGIN, tf.range(tf.size(flat)) + lengths)
    return tf.ragged.boolean_mask(
        characters.with_flat_values(pieces), characters.with_flat_values(starts)
    )


def _longest_pieces(characters, is_piece):
    """Returns the longest piece that begins at each position, and its length.

    No piece reaches beyond its word: `BEGIN` is only ever the first character of a piece.
    """
    import tensorflow as tf

    def extend(length, candidates, pieces, lengths):
        following = tf.concat([characters[length - 1 :], tf.fill([length - 1], BEGIN)], 0)
        candidates = tf.strings.join([candidates, following[: tf.size(characters)]])
        found = is_piece(candidates)
        pieces, lengths = (
            tf.where(found, new, old) for new, old in ((candidates, pieces), (length, lengths))
        )
        return length + 1, candidates, pieces, lengths

    start = (tf.constant(2), characters, characters, tf.ones_like(characters, tf.int32))
    loop = tf.while_loop(lambda length, *_: length <= _LONGEST, extend, start)
    return loop[2:]


def _reached(starts, following):
    """Marks all positions that chains of steps reach, in about log2(longest chain) rounds."""
    import tensorflow as tf

    count = tf.size(starts)

    def double(reached, following, _):
        targets = tf.boolean_mask(following, reached)
        targets = tf.boolean_mask(targets, targets < count)[:, None]
        more = tf.tensor_scatter_nd_update(reached, targets, tf.ones_like(targets[:, 0], tf.bool))
        # Twice as many steps at once.
        beyond = tf.concat([following, [count]], 0)
        return more, tf.gather(beyond, following), tf.reduce_any(more != reached)

    loop = tf.while_loop(lambda *state: state[2], double, (starts, following, tf.constant(True)))
    return loop[0]


def _up_to_limit(texts: Iterable[str]) -> Iterator[str]:
    """Yields texts in parts that SentencePiece takes, until there are enough to learn from."""
    room = _MOST_CHARACTERS
    for text in texts:
        for start in range(0, min(len(text), room), _LONGEST_TEXT):
            yield text[start : start + _LONGEST_TEXT]
        room -= len(text)
        if room <= 0:
            return
