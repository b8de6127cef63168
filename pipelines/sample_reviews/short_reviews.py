"""Generates short reviews: a few words to a few sentences, casual, formal or shouted."""

import random
import re
import zlib

from pipelines.sample_reviews import opinions
from pipelines.sample_reviews.choices import happens, pick
from pipelines.sample_reviews.neutral_sentences import LEADS, fill

# A field with `not_` is of the opposite class.
_STATEMENTS = (
    "{adjective}",
    "{adjective} {film}",
    "{adjective} {film}",
    "{very} {adjective}",
    "{very} {adjective} {film}",
    "a {adjective} {film}",
    "what a {adjective} {film}",
    "this {film} is {adjective}",
    "this {film} was {very} {adjective}",
    "it was {adjective}",
    "it's {very} {adjective}",
    "{adjective}, {adjective}, {adjective}",
    "{adjective}, {adjective}",
    "{adjective}, {adjective}, {adjective} and {adjective}",
    "{very} {adjective}, {adjective}, {adjective}",
    "{adjective} and {adjective}",
    "{adjective} {part}",
    "{adjective} {part}, {adjective} {part}",
    "{adjective} {part} and {adjective} {part}",
    "the {part} is {adjective}",
    "the {part} was {adjective} and the {part} {adjective}",
    "I found it {very} {adjective}",
    "I thought it was {adjective}",
    "I think this {film} is {adjective} and {adjective}",
    "I have to say that the {part} is {adjective}",
    "from the {part} to the {part}, everything is {adjective}",
    "one of the most {adjective} {film}s I have ever seen",
    "I {verb} it",
    "{verb} it",
    "I {verb} this {film}",
    "I {very} {verb} it",
    "I {verb} every minute of it",
    "I {verb} every minute of this {film}",
    "I {verb} the {part}",
    "I {verb} it from start to finish",
    "I {verb} the {part} and the {part}",
    "I {present} it",
    "I {present} this {film}",
    "I {present} everything about it",
    "the {superlative} {film} ever",
    "{superlative} {film} ever",
    "{superlative} {film} of the year",
    "the {superlative} {film} I have seen in years",
    "one of the {superlative} {film}s I have seen",
    "this is the {superlative} {film} of all time",
    "a {noun}",
    "what a {noun}",
    "this {film} is a {noun}",
    "it was a {noun}",
    "{adverb} a {noun}",
    "a {adjective} {noun}",
    "{bare_noun}",
    "this is {bare_noun}",
    "{adverb} {bare_noun}",
)
_NEGATIONS = (
    "not {not_adjective}",
    "not {not_adjective} at all",
    "not a {not_adjective} {film}",
    "it's not {not_adjective}",
    "it was not {not_adjective}",
    "this {film} isn't {not_adjective}",
    "the {part} wasn't {not_adjective}",
    "not very {not_adjective}",
    "never {not_adjective}",
    "it is never {not_adjective}",
    "anything but {not_adjective}",
    "far from {not_adjective}",
    "I did not {negated} it",
    "I didn't {negated} it",
    "I didn't {negated} this {film} at all",
    "I don't {negated} it",
)
_FORMAL = (
    "the direction is {adjective}, and the {part} is {adjective}",
    "on the whole, this is a {adjective} and {adjective} work",
    "this is a {adjective} {film} with {adjective} {part}",
    "the {part} deserves to be called {adjective}",
    "in every respect, I consider it {adjective}",
    "the {part}, above all, is {very} {adjective}",
)
_REPORTS = (
    "{other} {verb} it",
    "{other} thinks that it is {adjective}",
    "{other} called it {adjective}",
    "{other} says it is {adjective}",
)
_LEADS = (
    *LEADS,
    "I watched it with my {relative} last night.",
    "I watched this with my friends on {weekday}.",
    "We saw it at home last week.",
    "My {relative} and I went to see it on {weekday} {daytime}.",
    "I just came back from the cinema.",
    "It is the story of a young {job} who moves to {city}.",
    "I saw this with my {relative} and two friends from {city}.",
    "The film tells the story of a {job} and a {job}.",
)
_OPENINGS = {
    "casual": ("", "", "", "wow, ", "omg ", "man, ", "honestly, ", "well, ", "ok, ", "tbh "),
    "formal": ("", "", "in my opinion, ", "I must say: ", "all in all, ", "overall, "),
    "shouted": ("",),
}
_ENDS = (".", ".", ".", ".", "!", "!", "!!", "!!!", "...")
_WORDS = {
    "film": "film movie film movie picture flick show".split(),
    "part": "acting plot story script cast ending music soundtrack dialogue direction humor "
    "photography pace start editing".split(),
    "very": ("very", "really", "so", "absolutely", "truly", "simply", "just", "quite")
    + ("totally", "completely", "extremely", "utterly", "incredibly", "pretty"),
    "adverb": ("absolutely", "truly", "simply", "just", "totally", "really"),
}
# Fields whose words depend on the class.
_OPINIONS = {
    "adjective": opinions.ADJECTIVES,
    "verb": opinions.VERBS,
    "present": opinions.PRESENT,
    "negated": opinions.NEGATED,
    "superlative": opinions.SUPERLATIVES,
    "noun": opinions.NOUNS,
    "bare_noun": opinions.BARE_NOUNS,
}
_FIELD = re.compile(r"{(not_)?(\w+)}")
_PARTS = 5  # of the different short texts; one of them is for the test


def short_review(random_: random.Random, label: int, split: str) -> str:
    """Returns a short review.

    No text is in the test split and in another, apart from upper case and punctuation.

    Args:
        random_: source of the choices.
        label: 0 for negative, 1 for positive.
        split: name of the split.
    """
    while True:
        text = _generate(random_, label)
        letters = re.sub(r"[^a-z0-9]+", " ", text.lower()).strip()
        if (zlib.crc32(letters.encode()) % _PARTS == 0) == (split == "test"):
            return text


def _generate(random_, label):
    register = pick(random_, ("casual", "casual", "formal", "shouted"))
    count = 1
    while count < 4 and happens(random_, 0.25):
        count += 1
    sentences = [_opinion(random_, label, register) for _ in range(count)]
    sentences[0] = pick(random_, _OPENINGS[register]) + sentences[0]
    if happens(random_, 0.2):
        sentences.insert(0, fill(random_, pick(random_, _LEADS)))
    if happens(random_, 0.1):
        report = _filled(random_, pick(random_, _REPORTS), pick(random_, (0, 1)))
        sentences.append(report + ".")
    text = " ".join(_capitalized(sentence) for sentence in sentences)
    if register == "shouted":
        return text.upper()
    if register == "casual" and happens(random_, 0.3):
        text = text.rstrip(".!")
    return text.lower() if register == "casual" and happens(random_, 0.4) else text


def _opinion(random_, label, register):
    """Returns a sentence with the reviewer's opinion."""
    kinds = [_STATEMENTS, _STATEMENTS, _STATEMENTS, _NEGATIONS, opinions.PHRASES[label]]
    if register == "formal":
        kinds.append(_FORMAL)
    template = pick(random_, pick(random_, kinds))
    end = "." if register == "formal" else pick(random_, _ENDS)
    return _filled(random_, template, label) + end


def _filled(random_, template, label):
    """Returns a template with its words."""

    def word(match):
        if match[2] in _WORDS:
            return pick(random_, _WORDS[match[2]])
        if match[2] in _OPINIONS:
            return pick(random_, _OPINIONS[match[2]][1 - label if match[1] else label])
        return match[0]

    return fill(random_, _FIELD.sub(word, template))


def _capitalized(sentence):
    return sentence[0].upper() + sentence[1:]
