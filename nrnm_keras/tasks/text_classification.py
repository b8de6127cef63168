"""Text classification: IMDB, generated reviews, and a user's own texts."""

import keras
import tensorflow as tf
from absl import flags

from nrnm_keras.preprocessing import TextPreprocessor
from nrnm_keras.tasks.classification import Classification
from nrnm_keras.tasks.own_files import OwnFiles
from nrnm_keras.tasks.records import Records
from nrnm_keras.tasks.token_embedding import token_network

_READ_BATCH = 512


def define_flags(values):
    """Defines the flags of texts in an absl `FlagValues`."""
    flags.DEFINE_integer(
        "vocabulary_size",
        20_000,
        "largest number of token ids; the vocabulary is learnt on the training texts",
        lower_bound=3,
        flag_values=values,
    )
    flags.DEFINE_integer(
        "max_length",
        400,
        "tokens kept of a text; of longer ones both ends are kept",
        lower_bound=1,
        flag_values=values,
    )
    flags.DEFINE_float(
        "head_fraction",
        0.25,
        "share of max_length that the beginning of a longer text gets",
        lower_bound=0.0,
        upper_bound=1.0,
        flag_values=values,
    )


class TextClassification(Classification):
    """Classes of whole texts.

    Args:
        path: folder of the built records, with features `text` and `label`.
        flags: the values of the command's flags.
    """

    def __init__(self, path, flags):
        self.records = Records(path, flags.validation_fraction, self.validation_number)
        self.class_names = self.records.class_names
        self.preprocessor = TextPreprocessor(
            flags.vocabulary_size, flags.max_length, flags.head_fraction, name="preprocessor"
        )
        self.preprocessor.adapt(self._batches("train").map(lambda text, label: text))

    # What keeps together the texts that a validation split must not tear apart (`Records`).
    validation_number = None

    def examples(self, split, part=0, num_parts=1):
        """Returns the encoded texts `(timesteps,)` of a split with their labels, in memory."""
        batches = self._batches(split, part, num_parts).map(
            lambda text, label: (self.preprocessor.encode(text), label)
        )
        ids, labels = zip(*batches, strict=True)
        return tf.data.Dataset.from_tensor_slices((tf.concat(ids, 0), tf.concat(labels, 0)))

    def build_network(self, flags):
        """Returns embedding and `SequenceClassifier`: token ids to logits."""
        vocabulary_size = len(self.preprocessor.vocabulary)
        return token_network(flags, vocabulary_size, self.build_classifier(flags))

    def build_exported(self, network):
        """Returns the model from strings `(batch,)` to probabilities by class name."""
        texts = keras.Input((), dtype="string", name="text")
        return self.build_probabilities(texts, network(self.preprocessor(texts)))

    def describe(self):
        """Returns the class names and the size of the vocabulary."""
        return {**super().describe(), "vocabulary_size": len(self.preprocessor.vocabulary)}

    def _batches(self, split, part=0, num_parts=1):
        records = self.records.read(split, part, num_parts).batch(_READ_BATCH)
        return records.map(lambda record: (record["text"], record["label"]))


class Imdb(TextClassification):
    """Film reviews of the Large Movie Review Dataset."""

    dataset = "imdb"
    source_flag = "imdb_source"

    @staticmethod
    def build_options(flags):
        """Returns where the raw reviews are."""
        return {"source": flags.imdb_source}

    @staticmethod
    def validation_number(record):
        """Returns the number in a review's id.

        Reviews of one film have near numbers, and the test reviews are of other films. With a film
        in both the training and the validation split, its names would give its reviews away, and
        validation would promise what the test does not keep.
        """
        number = tf.strings.regex_replace(record["id"], r".*/(\d+)_.*", r"\1")
        return tf.strings.to_number(number, tf.int64)


class SampleReviews(TextClassification):
    """Generated film reviews."""

    dataset = "sample_reviews"
    notice = "SAMPLE DATA, NOT IMDB"


class OwnText(OwnFiles, TextClassification):
    """A user's own files."""

    dataset = "text_files"
