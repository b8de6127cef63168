"""Classification of a user's own numeric sequences."""

import keras

from nrnm_keras.data.records import Records
from nrnm_keras.preprocessing import NanPadding, Standardization
from nrnm_keras.tasks.classification import Classification
from nrnm_keras.tasks.own_files import OwnFiles


class OwnSequences(OwnFiles, Classification):
    """Classes of sequences of feature vectors, from a user's own files.

    Args:
        path: folder of the built records, with features `sequence` and `label`.
        flags: the values of the command's flags.
    """

    dataset = "sequence_files"
    # No step of the files is NaN: it stands for padding, in the exported model's input too.
    padding = float("nan")

    def __init__(self, path, flags):
        self.records = Records(path, flags.validation_fraction, max_timesteps=flags.max_timesteps)
        self.class_names = self.records.class_names
        self.standardization = Standardization(name="standardization")
        self.standardization.adapt(sequence for sequence, _ in self.examples("train"))

    def examples(self, split, part=0, num_parts=1):
        """Returns the sequences `(timesteps, features)` of a split with their labels."""
        records = self.records.read(split, part, num_parts)
        return records.map(lambda record: (record["sequence"], record["label"]))

    def build_network(self, flags):
        """Returns preprocessing and `SequenceClassifier`: sequences to logits."""
        return keras.Sequential(
            [
                keras.Input(self.records.features["sequence"].shape, name="sequence"),
                NanPadding(name="nan_padding"),
                self.standardization,
                self.build_classifier(flags),
            ],
            name="network",
        )

    def build_exported(self, network):
        """Returns the model from sequences `(batch, timesteps, features)`, padded with NaN."""
        sequences = keras.Input(self.records.features["sequence"].shape, name="sequence")
        return self.build_probabilities(sequences, network(sequences))
