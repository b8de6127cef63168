"""Language models: each token of a text told from those before it, for texts without labels."""

import keras
from absl import flags
from keras import ops

from nrnm_keras.data.unlabeled_records import UnlabelledRecords
from nrnm_keras.models import LanguageModel
from nrnm_keras.models.token_scores import Perplexity, TokenNegativeLogLikelihood
from nrnm_keras.tasks.backbone_flags import build_backbone
from nrnm_keras.tasks.task import Task
from nrnm_keras.tasks.text_examples import READ_BATCH, create_preprocessor, in_memory
from nrnm_keras.tasks.text_sources import GeneratedReviews, ImdbReviews, OwnTexts
from nrnm_keras.tasks.token_embedding import embedding_layers


def define_flags(values):
    """Defines the flags of language models in an absl `FlagValues`."""
    flags.DEFINE_integer(
        "softmax_samples",
        0,
        "training of a language model: so many tokens, drawn by their frequency, stand for the "
        "whole vocabulary in the softmax; 0: all of them",
        lower_bound=0,
        flag_values=values,
    )


class LanguageModelling(Task):
    """The probability of texts, token by token.

    Trained and validated on training texts only, labelled or not: a test split is not read.

    Args:
        path: folder of the built records, with a feature `text`.
        flags: the values of the command's flags.
    """

    metric = "perplexity"
    metric_mode = "min"
    usage = " `--init_from={run}` lets the training of a text classifier start from this run."
    # What keeps together the texts that a validation split must not tear apart (`Records`).
    validation_number = None

    def __init__(self, path, flags):
        self.records = UnlabelledRecords(path, flags.validation_fraction, self.validation_number)
        self.preprocessor = create_preprocessor(flags, self._batches("train"))

    def examples(self, split, part=0, num_parts=1):
        """Returns the encoded texts `(timesteps,)` of a split, each its own target, in memory."""
        ids = self._batches(split, part, num_parts).map(self.preprocessor.encode)
        return in_memory(ids.map(lambda ids: (ids, ids)))

    @staticmethod
    def check_network(flags):
        """Finds out whether the flags make a language model."""
        _language_model(flags, vocabulary_size=3)

    def build_network(self, flags):
        """Returns the `LanguageModel`: token ids to their negative log-likelihoods."""
        model = _language_model(flags, len(self.preprocessor.vocabulary))
        return keras.Sequential([keras.Input((None,), dtype="int32"), model], name="network")

    def loss(self):
        """Returns the mean negative log-likelihood of the tokens."""
        return TokenNegativeLogLikelihood()

    def metrics(self):
        """Returns the perplexity."""
        return [Perplexity(name="perplexity")]

    def build_exported(self, network):
        """Returns the model from strings `(batch,)` to their log-probability and perplexity."""
        texts = keras.Input((), dtype="string", name="text")
        ids = self.preprocessor(texts)
        likelihoods = network(ids)
        log_probability = -ops.sum(likelihoods, axis=1)
        tokens = ops.sum(ops.cast(ops.not_equal(ids, 0), "float32"), axis=1)
        perplexity = ops.exp(-log_probability / tokens)
        return keras.Model(texts, {"log_probability": log_probability, "perplexity": perplexity})

    def describe(self):
        """Returns the size of the vocabulary."""
        return {"vocabulary_size": len(self.preprocessor.vocabulary)}

    def _batches(self, split, part=0, num_parts=1):
        records = self.records.read(split, part, num_parts).batch(READ_BATCH)
        return records.map(lambda record: record["text"])


def _language_model(flags, vocabulary_size):
    encoder = keras.Sequential(
        [
            keras.Input((None,), dtype="int32"),
            *embedding_layers(flags, vocabulary_size),
            build_backbone(flags),
        ],
        name="encoder",
    )
    return LanguageModel(encoder, flags.head_dropout, flags.softmax_samples, name="language_model")


class SampleLanguageModel(GeneratedReviews, LanguageModelling):
    """A language model of generated film reviews."""


class ImdbLanguageModel(ImdbReviews, LanguageModelling):
    """A language model of film reviews, rated or not."""

    substitute = SampleLanguageModel


class OwnLanguageModel(OwnTexts, LanguageModelling):
    """A language model of a user's own texts, labelled or not."""

    @staticmethod
    def build_options(flags):
        """Returns the files."""
        return {**OwnTexts.build_options(flags), "unlabelled_file": flags.unlabelled_file}
