"""Text classification: IMDB, generated reviews, and a user's own texts."""

import keras

from nrnm_keras.tasks.classification import Classification
from nrnm_keras.tasks.records import Records
from nrnm_keras.tasks.text_examples import READ_BATCH, create_preprocessor, in_memory
from nrnm_keras.tasks.text_sources import GeneratedReviews, ImdbReviews, OwnTexts
from nrnm_keras.tasks.token_embedding import token_network


class TextClassification(Classification):
    """Classes of whole texts.

    Args:
        path: folder of the built records, with features `text` and `label`.
        flags: the values of the command's flags.
        vocabulary: list of tokens, as `TextPreprocessor.vocabulary`. Default: that of the training
            texts.
    """

    starts_from_language_model = True

    def __init__(self, path, flags, vocabulary=None):
        self.records = Records(path, flags.validation_fraction, self.validation_number)
        self.class_names = self.records.class_names
        texts = self._batches("train").map(lambda text, label: text)
        self.preprocessor = create_preprocessor(flags, texts, vocabulary)

    # What keeps together the texts that a validation split must not tear apart (`Records`).
    validation_number = None

    def examples(self, split, part=0, num_parts=1):
        """Returns the encoded texts `(timesteps,)` of a split with their labels, in memory."""
        batches = self._batches(split, part, num_parts)
        return in_memory(batches.map(lambda text, label: (self.preprocessor.encode(text), label)))

    def build_network(self, flags):
        """Returns embedding and `SequenceClassifier`: token ids to logits."""
        vocabulary_size = len(self.preprocessor.vocabulary)
        return token_network(flags, vocabulary_size, self.build_classifier(flags))

    def encoder_of(self, network):
        """Returns embedding and backbone."""
        return network.layers[0], network.layers[-1].backbone

    def build_exported(self, network):
        """Returns the model from strings `(batch,)` to probabilities by class name."""
        texts = keras.Input((), dtype="string", name="text")
        return self.build_probabilities(texts, network(self.preprocessor(texts)))

    def describe(self):
        """Returns the class names and the size of the vocabulary."""
        return {**super().describe(), "vocabulary_size": len(self.preprocessor.vocabulary)}

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
