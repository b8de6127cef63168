"""Secondary structure of proteins: a state for each residue."""

import keras
import tensorflow as tf
from keras import layers

from nrnm_keras.data.records import Records
from nrnm_keras.tasks.step_classification import StepClassification
from nrnm_keras.tasks.token_embedding import token_network

# The amino acids by their letters; what else stands in a chain is one unknown residue.
_AMINO_ACIDS = list("ACDEFGHIKLMNPQRSTVWY")


class SecondaryStructure(StepClassification):
    """The state of each residue: coil, strand or helix. Unresolved residues do not count.

    Args:
        path: folder of the built records, with features `residues`, `states` and `resolved`.
        flags: the values of the command's flags.
    """

    dataset = "flip_secondary_structure"
    source_flag = "flip_source"

    def __init__(self, path, flags):
        self.records = Records(path)
        self.class_names = self.records.class_names
        self.encoder = layers.TextVectorization(
            standardize=None, split="character", vocabulary=_AMINO_ACIDS, name="encoder"
        )

    @staticmethod
    def build_options(flags):
        """Returns where the raw files are."""
        return {"source": flags.flip_source, "source_limit_mb": flags.source_limit_mb}

    def examples(self, split, part=0, num_parts=1):
        """Returns the ids of the residues `(timesteps,)` of a split with their states, or -1."""

        def example(record):
            states = tf.cast(record["states"], tf.int32)
            return self.encoder(record["residues"]), tf.where(record["resolved"], states, -1)

        return self.records.read(split, part, num_parts).map(example)

    def build_network(self, flags):
        """Returns embedding and `StepClassifier`: ids of residues to logits."""
        vocabulary_size = self.encoder.vocabulary_size()
        return token_network(flags, vocabulary_size, self.build_classifier(flags), "int64")

    def build_exported(self, network):
        """Returns the model from chains as strings `(batch,)` to probabilities by state."""
        residues = keras.Input((), dtype="string", name="residues")
        return self.build_probabilities(residues, network(self.encoder(residues)))
