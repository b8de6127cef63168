"""The options of texts and tokens."""

import dataclasses

from nrnm_keras.config.options import Options, option

_LARGEST_DROPOUT = 0.99


@dataclasses.dataclass(frozen=True, kw_only=True)
class TextConfig(Options):
    """Texts"""

    tokens: str = option(
        "words",
        "what texts are split into; subwords are pieces of words, learned on the training texts, "
        "for texts whose words are mostly unknown or not separated by spaces; bytes are those of "
        "the text as it is",
        choices=("words", "subwords", "bytes"),
    )
    vocabulary_size: int = option(
        20_000,
        "largest size of the vocabulary, which is learned on the training texts",
        minimum=3,
        unit="tokens",
    )
    max_length: int = option(
        400,
        "largest length of a text; both ends of longer texts are kept",
        minimum=1,
        unit="tokens",
        training_only=True,
    )
    head_fraction: float = option(
        0.25,
        "fraction of max_length for the beginning of a longer text",
        minimum=0.0,
        maximum=1.0,
        training_only=True,
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class EmbeddingConfig(Options):
    """Token embedding"""

    embedding_size: int = option(128, "width of the token embedding", minimum=1)
    word_dropout: float = option(
        0.0,
        "fraction of a sequence's tokens whose embedding is dropped",
        minimum=0.0,
        maximum=_LARGEST_DROPOUT,
        training_only=True,
    )
    embedding_dropout: float = option(
        0.2,
        "fraction of the embedding's features that are dropped in a whole sequence",
        minimum=0.0,
        maximum=_LARGEST_DROPOUT,
        training_only=True,
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class LanguageModelConfig(Options):
    """Language models"""

    softmax_samples: int = option(
        0, "tokens that the training softmax samples from the vocabulary; 0: no sampling", minimum=0
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class AdversarialConfig(Options):
    """Adversarial training"""

    adversarial: str = option(
        "none",
        "also train on perturbed embeddings, against the labels (labels) or against the network's "
        "own output (virtual), which learns from unlabeled texts too: IMDB's unlabeled reviews, or "
        "--unlabeled_file",
        choices=("none", "labels", "virtual"),
    )
    adversarial_norm: float = option(
        5.0,
        "norm of the perturbation of a whole text, in standard deviations of the embeddings",
        minimum=0.0,
    )
    adversarial_weight: float = option(
        1.0, "weight of the adversarial term of the loss", minimum=0.0
    )
    entropy_weight: float = option(
        0.0,
        "weight of the entropy of the output in the loss, on labeled and unlabeled texts; 0: none",
        minimum=0.0,
    )

    @property
    def has_adversarial_loss(self) -> bool:
        """Whether the loss has more terms than that of the labels."""
        return self.adversarial != "none" or self.entropy_weight > 0

    @property
    def learns_from_unlabeled(self) -> bool:
        """Whether the loss has terms that need no labels."""
        return self.adversarial == "virtual" or self.entropy_weight > 0
