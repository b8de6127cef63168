"""Similarity of sentences: SICK relatedness."""

import keras
import tensorflow as tf
from absl import flags

from nrnm_keras.data.records import Records
from nrnm_keras.models import SequenceSimilarity
from nrnm_keras.preprocessing import TextPairPreprocessor
from nrnm_keras.tasks.regression import Regression
from nrnm_keras.tasks.text_examples import READ_BATCH, create_preprocessor
from nrnm_keras.tasks.token_embedding import embedding_layers


def define_flags(values):
    """Defines the flags of similarity in an absl `FlagValues`."""
    flags.DEFINE_enum(
        "similarity",
        "manhattan",
        SequenceSimilarity.MODES,
        "how the vectors of two sentences are compared",
        flag_values=values,
    )


class SickRelatedness(Regression):
    """How related two sentences are, from 1 to 5.

    Args:
        path: folder of the built records, with features `first`, `second` and `relatedness`.
        flags: the values of the command's flags.
        vocabulary: list of tokens, as `TextPreprocessor.vocabulary`. Default: that of the training
            sentences.
    """

    dataset = "sick"
    source_flag = "sick_source"
    starts_from_language_model = True

    def __init__(self, path, flags, vocabulary=None):
        self.records = Records(path)
        train = self.records.read("train").batch(READ_BATCH)
        texts = train.map(lambda x: tf.concat([x["first"], x["second"]], 0))
        self.preprocessor = create_preprocessor(flags, texts, vocabulary)

    @staticmethod
    def build_options(flags):
        """Returns where the raw files are."""
        return {"source": flags.sick_source, "source_limit_mb": flags.source_limit_mb}

    def examples(self, split, part=0, num_parts=1):
        """Returns the token ids `(timesteps, 2)` of a split's pairs with their relatedness."""

        def example(record):
            ids = self.preprocessor.encode(tf.stack([record["first"], record["second"]]))
            return tf.transpose(ids.to_tensor()), record["relatedness"]

        return self.records.read(split, part, num_parts).map(example).cache()

    def build_network(self, flags):
        """Returns the network from pairs of token ids to relatedness."""
        encoder = keras.Sequential(
            [
                keras.Input((None,), dtype="int32"),
                *embedding_layers(flags, len(self.preprocessor.vocabulary)),
                *self.vector_layers(flags),
            ],
            name="encoder",
        )
        similarity = SequenceSimilarity(encoder, flags.similarity, smallest=1.0, largest=5.0)
        return keras.Sequential([keras.Input((None, 2), dtype="int32"), similarity], name="network")

    def encoder_of(self, network):
        """Returns embedding and backbone."""
        encoder = network.layers[-1].encoder
        return encoder.layers[0], encoder.get_layer("backbone")

    def build_exported(self, network):
        """Returns the model from two strings to their relatedness."""
        texts = [keras.Input((), dtype="string", name=name) for name in ("first", "second")]
        ids = TextPairPreprocessor(self.preprocessor)(texts)
        return keras.Model(texts, {"relatedness": network(ids)})
