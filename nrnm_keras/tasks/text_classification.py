"""Text classification: IMDB, generated reviews, and a user's own texts."""

import keras

from nrnm_keras.data.records import Records
from nrnm_keras.data.unlabeled_records import PartlyLabelledRecords
from nrnm_keras.models.labeled_accuracy import LabeledAccuracy
from nrnm_keras.tasks.adversarial_flags import build_adversarial, takes_unlabelled
from nrnm_keras.tasks.classification import Classification
from nrnm_keras.tasks.text_examples import READ_BATCH, create_preprocessor, in_memory
from nrnm_keras.tasks.text_sources import GeneratedReviews, ImdbReviews, OwnTexts
from nrnm_keras.tasks.token_embedding import token_network


class TextClassification(Classification):
    """Classes of whole texts.

    Texts without a label, -1, are among the training examples if the flags ask for what is learnt
    from them.

    Args:
        path: folder of the built records, with features `text` and `label`.
        flags: the values of the command's flags.
        vocabulary: list of tokens, as `TextPreprocessor.vocabulary`. Default: that of the training
            texts.
    """

    starts_from_language_model = True
    learns_adversarially = True

    def __init__(self, path, flags, vocabulary=None):
        kind = PartlyLabelledRecords if takes_unlabelled(flags) else Records
        self.records = kind(path, flags.validation_fraction, self.validation_number)
        self.class_names = self.records.class_names
        texts = self._batches("train").map(lambda text, label: text)
        self.preprocessor = create_preprocessor(flags, texts, vocabulary)

    # What keeps together the texts that a validation split must not tear apart (`Records`).
    validation_number = None

    def examples(self, split, part=0, num_parts=1):
        """Returns the encoded texts `(timesteps,)` of a split with their labels, in memory."""
        batches = self._batches(split, part, num_parts)
        batches = batches.map(lambda text, label: (self.preprocessor.encode(text), label))
        # Records come mixed, but for those without a label, which stand behind the others.
        return in_memory(batches, mixed=split == "train" and self._labelled_share < 1)

    def build_network(self, flags):
        """Returns embedding and `SequenceClassifier`: token ids to logits."""
        vocabulary_size = len(self.preprocessor.vocabulary)
        return token_network(flags, vocabulary_size, self.build_classifier(flags))

    def build_trained(self, network, flags):
        """Returns the network, in an `AdversarialTraining` if the flags ask for it."""
        return build_adversarial(network, flags, self._labelled_share)

    def metrics(self):
        """Returns the accuracy over the texts that have a label."""
        return [LabeledAccuracy(name="accuracy")]

    def encoder_of(self, network):
        """Returns embedding and backbone."""
        return network.layers[0], network.layers[-1].backbone

    def build_exported(self, network):
        """Returns the model from strings `(batch,)` to probabilities by class name."""
        texts = keras.Input((), dtype="string", name="text")
        return self.build_probabilities(texts, network(self.preprocessor(texts)))

    def describe(self):
        """Returns the class names, the size of the vocabulary and the number of labels."""
        facts = {**super().describe(), "vocabulary_size": len(self.preprocessor.vocabulary)}
        return facts if self._labelled_share == 1 else {**facts, "labelled": self.records.labelled}

    @property
    def _labelled_share(self):
        """The share of the training texts that have a label."""
        return self.records.labelled / self.records.sizes["train"]

    def _batches(self, split, part=0, num_parts=1):
        records = self.records.read(split, part, num_parts).batch(READ_BATCH)
        return records.map(lambda record: (record["text"], record["label"]))


class SampleReviews(GeneratedReviews, TextClassification):
    """The verdicts of generated film reviews."""


class Imdb(ImdbReviews, TextClassification):
    """The verdicts of film reviews."""

    substitute = SampleReviews


class OwnText(OwnTexts, TextClassification):
    """The classes of a user's own texts."""

    @staticmethod
    def build_options(flags):
        """Returns the files."""
        options = OwnTexts.build_options(flags)
        if takes_unlabelled(flags):
            options["unlabelled_file"] = flags.unlabelled_file
        return options
