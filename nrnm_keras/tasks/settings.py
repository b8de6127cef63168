"""Settings that suit a user's own data: the rules, which the tasks' README explains."""

import math
from typing import Any, NamedTuple

# The options whose values the rules choose, by the names of their flags.
AUTOMATIC = frozenset(
    {
        *("units", "num_layers", "nrnm_layers", "block_size", "stride", "bidirectional", "pooling"),
        *("embedding_size", "embedding_dropout", "word_dropout", "head_dropout"),
        *("vocabulary_size", "stacked_steps", "linear_classifier", "batch_size", "epochs"),
        *("tokens", "passes_per_epoch"),
        *("patience", "learning_rate", "learning_rate_schedule", "warmup_fraction"),
        *("ema_momentum", "best_epoch_by", "folds", "validation_fraction"),
    }
)
TOGETHER = (frozenset({"block_size", "stride"}), frozenset({"num_layers", "nrnm_layers"}))
# Long texts have more tokens to learn from, and to learn by heart.
_STEPS = {"text": 500, "long text": 250, "sequence": 120, "regression": 500}
# Steps after stacking, about: a step of a small network takes long on a CPU.
_SHORT = {"text": 100, "sequence": 50}
# Of an epoch: each costs some time besides its steps.
_FEWEST_STEPS = 40
# The share of unknown words above which texts are split into subwords: with many texts, and with
# few, whose words are rarely met twice in any language. English: 0.07 to 0.14 of thousands of
# sentences, up to 0.36 of 300 and 0.71 of 10; the same without spaces: at least 0.88.
_MOST_UNKNOWN, _MOST_UNKNOWN_OF_FEW, _FEW_TEXTS = 0.5, 0.8, 300
# Letters of DNA and of proteins are few enough to be tokens themselves.
_FEW_CHARACTERS = 25
_MOST_PIECES, _PIECES_PER_CHARACTER = 1000, 20
_SPECIAL_TOKENS = 3  # padding, unknown, the beginning of a word
# Above these, the linear classifiers take too long to fit, and the network needs them less.
_MOST_TOKENS, _MOST_VALUES = 5_000_000, 20_000_000


class Setting(NamedTuple):
    """A value that was chosen for an option.

    Attributes:
        flag: name of the option's flag.
        value: its value.
        reason: what it was chosen by, in a few words.
    """

    flag: str
    value: Any
    reason: str


class Statistics(NamedTuple):
    """What the settings are chosen from: the training split before validation is taken from it.

    Attributes:
        examples: number of labeled training examples.
        smallest_class: number of examples of the smallest class.
        length: number of steps that 95 % of the examples do not exceed.
        features: features of a step; 0 for texts.
        has_validation: whether the data have a validation split of their own.
        tokens: of texts, `words` or `subwords`, which `length` counts.
        unknown: share of the words of half of the texts that the other half does not have.
        vocabulary_size: that of the subwords; 0 for words.
    """

    examples: int
    smallest_class: int
    length: int
    features: int
    has_validation: bool
    tokens: str = "words"
    unknown: float = 0.0
    vocabulary_size: int = 0


def tokens_for(examples: int, unknown: float) -> str:
    """Returns what texts are split into: `subwords` if their words are mostly unknown.

    Args:
        examples: number of texts.
        unknown: as in `Statistics`.

    Example:

    >>> tokens_for(5452, unknown=0.14), tokens_for(5452, unknown=0.9)
    ('words', 'subwords')
    """
    most = _MOST_UNKNOWN if examples >= _FEW_TEXTS else _MOST_UNKNOWN_OF_FEW
    return "subwords" if unknown > most else "words"


def subword_vocabulary(characters: int, length: int, max_length: int) -> int:
    """Returns the size of a vocabulary of subwords, which holds all characters.

    If the characters are few, and texts of them short enough, they are the vocabulary.

    Args:
        characters: number of different characters of the texts.
        length: usual length of a text in characters.
        max_length: largest length of a text in tokens.

    Example:

    >>> subword_vocabulary(4, length=200, max_length=400)
    7
    >>> subword_vocabulary(4, length=2000, max_length=400), subword_vocabulary(70, 200, 400)
    (87, 1073)
    """
    alone = characters <= _FEW_CHARACTERS and length <= max_length
    pieces = 0 if alone else min(_MOST_PIECES, _PIECES_PER_CHARACTER * characters)
    return _SPECIAL_TOKENS + characters + pieces


def settings_for_texts(data: Statistics) -> list[Setting]:
    """Returns the settings for the classification of texts.

    A small network that reads in both directions, with strong dropout, averaged with a linear
    classifier of word n-grams. Long texts are shortened to about 100 steps by joining neighboring
    words.

    Example:

    >>> data = Statistics(5452, 86, length=17, features=0, has_validation=False)
    >>> chosen = {setting.flag: setting.value for setting in settings_for_texts(data)}
    >>> chosen["units"], chosen["batch_size"], chosen["epochs"]
    (64, 64, 6)
    """
    units = 64 if data.examples < 20_000 else 128
    examples = f"{data.examples:,} examples"
    stacked = math.ceil(data.length / _SHORT["text"])
    return [
        *_vocabulary(data),
        Setting("units", units, examples),
        Setting("embedding_size", units, examples),
        *_layers(data, stacked),
        Setting("bidirectional", True, "whole texts are known"),
        Setting("pooling", "max", "any word may decide"),
        Setting("embedding_dropout", 0.3, examples),
        Setting("word_dropout", 0.1, examples),
        Setting("head_dropout", 0.5, examples),
        Setting(
            "linear_classifier",
            data.examples * data.length * (3 if _is_spelled(data) else 1) < _MOST_TOKENS,
            f"of n-grams: {examples}",
        ),
        *_schedule(
            data,
            64 if data.examples >= 1500 else 32,
            _STEPS["text" if stacked == 1 else "long text"],
        ),
        *_validation(data),
    ]


def settings_for_sequences(data: Statistics) -> list[Setting]:
    """Returns the settings for the classification of sequences.

    A small network that reads in both directions, averaged with a linear classifier of fixed
    convolutions. Long sequences are shortened to about 50 steps by joining neighboring ones.

    Example:

    >>> data = Statistics(100, 10, length=1460, features=1, has_validation=False)
    >>> chosen = {setting.flag: setting.value for setting in settings_for_sequences(data)}
    >>> chosen["units"], chosen["stacked_steps"], chosen["folds"]
    (32, 30, 3)
    """
    units = 32 if data.examples < 2000 else 64 if data.examples < 20_000 else 128
    examples = f"{data.examples:,} examples"
    stacked = math.ceil(data.length / _SHORT["sequence"])
    return [
        Setting("units", units, examples),
        *_layers(data, stacked),
        Setting("bidirectional", True, "whole sequences are known"),
        Setting("pooling", "mean_max", "any step may decide"),
        Setting("head_dropout", 0.5, examples),
        Setting(
            "linear_classifier",
            data.examples * data.length * data.features < _MOST_VALUES and data.examples < 20_000,
            f"of convolutions: {examples}",
        ),
        *_schedule(data, 16 if data.examples < 1000 else 64, _STEPS["sequence"]),
        *_validation(data),
    ]


def settings_for_regression(data: Statistics) -> list[Setting]:
    """Returns the settings for the regression of sequences.

    They are those of classification, with more steps and less dropout, and without a linear
    classifier and a cross-validation.

    Example:

    >>> data = Statistics(100, 0, length=1460, features=1, has_validation=False)
    >>> chosen = {setting.flag: setting.value for setting in settings_for_regression(data)}
    >>> chosen["units"], chosen["stacked_steps"], chosen["validation_fraction"]
    (32, 30, 0.2)
    """
    batch_size = 16 if data.examples < 1000 else 64
    own = {
        "head_dropout": Setting("head_dropout", 0.1, "the targets are numbers"),
        **{each.flag: each for each in _schedule(data, batch_size, _STEPS["regression"])},
    }
    settings = settings_for_sequences(data._replace(smallest_class=0))
    return [own.get(each.flag, each) for each in settings if each.flag != "linear_classifier"]


def _is_spelled(data):
    """Whether tokens are single letters, of which the linear classifier takes longer n-grams."""
    return 0 < data.vocabulary_size <= _FEW_CHARACTERS + _SPECIAL_TOKENS


def _vocabulary(data):
    met = f"{100 * data.unknown:.0f} % of the words of half of the texts are not in the other half"
    if data.tokens == "words":
        size, reason = 50_000, "rare words too, for the linear classifier"
    else:
        size, reason = data.vocabulary_size, "all characters, and frequent pieces"
    return [Setting("tokens", data.tokens, met), Setting("vocabulary_size", size, reason)]


def _layers(data, stacked):
    """One layer with a memory, which runs a fraction of the steps."""
    return [
        Setting("num_layers", 1, f"{data.examples:,} examples"),
        Setting("nrnm_layers", (1,), "one layer"),
        Setting("stacked_steps", stacked, f"lengths up to {data.length:,}"),
        *_block(math.ceil(data.length / stacked)),
    ]


def _block(length):
    """The block: an eighth of a sequence, so that most sequences reach the memory often."""
    size = min(8, max(2, length // 8))
    stride = size // 2
    size -= size % stride  # a block is a multiple of its stride
    reason = f"lengths up to {length:,}"
    return [Setting("block_size", size, reason), Setting("stride", stride, reason)]


def _schedule(data, batch_size, steps):
    per_pass = max(1, math.ceil(data.examples / batch_size))
    passes = math.ceil(_FEWEST_STEPS / per_pass)
    epochs = max(3, round(steps / (passes * per_pass)))
    steps = epochs * passes * per_pass
    examples = f"{data.examples:,} examples"
    reason = f"about {steps:,} steps"
    return [
        Setting("batch_size", batch_size, examples),
        Setting("passes_per_epoch", passes, examples),
        Setting("epochs", epochs, reason),
        Setting("patience", epochs, "the learning rate falls to zero in the end"),
        Setting("learning_rate", 3e-3, "a small network"),
        Setting("learning_rate_schedule", "cosine", "a fixed number of steps"),
        Setting("warmup_fraction", 0.1, "a fixed number of steps"),
        # The average spans a tenth of the steps.
        Setting("ema_momentum", round(1 - 10 / max(100, min(steps, 5000)), 4), reason),
        Setting("best_epoch_by", "loss", "steadier than accuracy"),
    ]


def _validation(data):
    if data.has_validation:
        return []
    examples = f"{data.examples:,} examples"
    if data.examples < 300 and data.smallest_class >= 3:
        return [
            Setting("folds", 3, f"{examples}: too few to set some aside"),
            Setting("validation_fraction", 0.2, "only with --folds=1"),
        ]
    fraction = 0.1 if data.examples >= 1000 else 0.2
    return [Setting("validation_fraction", fraction, examples)]
