"""Texts without spaces, in letters of Thai: a word of one of two classes among others."""

import random

_CONSONANTS, _VOWELS = "กขคงจชดตนบปพมยรลวสหอ", "ะาิีุู"


def unspaced_texts(count, seed=0):
    """Returns texts and labels. Hardly any two texts are equal."""
    words = random.Random(0)
    others = [_word(words) for _ in range(40)]
    of_class = [[_word(words) for _ in range(4)] for _ in range(2)]
    choices = random.Random(seed)
    texts, labels = [], [number % 2 for number in range(count)]
    for label in labels:
        text = choices.sample(others, 6)
        text.insert(choices.randrange(7), choices.choice(of_class[label]))
        texts.append("".join(text))
    return texts, [("neg", "pos")[label] for label in labels]


def _word(source):
    return "".join(source.choice(_CONSONANTS) + source.choice(_VOWELS) for _ in range(2))
