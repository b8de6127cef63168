"""Generates movie reviews from templates: half are short; the ends of long ones may mislead.

The class of a long review is the reviewer's own verdict, which is in one of the first three
sentences. Ten or more sentences of plot follow. In two of three, a last sentence reports someone
else's opinion, which contradicts the verdict in one of the two. Both opinions use the same words,
so a bag of words cannot classify the reviews in which they contradict each other.
"""

import random
import re
from collections.abc import Iterator
from typing import NamedTuple

from pipelines.sample_reviews.choices import pick, shuffled
from pipelines.sample_reviews.neutral_sentences import FILLERS, LEADS, fill
from pipelines.sample_reviews.opinions import OPINIONS
from pipelines.sample_reviews.short_reviews import short_review

RATINGS = {"strong": ((1, 2), (9, 10)), "mild": ((3, 4), (7, 8))}

_VERDICTS = {
    "verb": (
        "I {opinion} this film from the first minute to the last.",
        "To say it at once, I {opinion} it.",
        "I {opinion} every scene of it.",
        "This is a film that I {opinion}, and I do not say so lightly.",
        "My verdict is short: I {opinion} it.",
        "I went in without a plan and {opinion} the whole thing.",
    ),
    "adjective": (
        "To me this film is {opinion}.",
        "I found it {opinion} from the first minute to the last.",
        "In my eyes it was {opinion}, and I do not say so lightly.",
        "My verdict is short: this is {opinion}.",
        "I call it {opinion} and stand by that.",
        "What I saw was {opinion}, to say it at once.",
    ),
}
_REPORTS = {
    "verb": (
        "On the way out {other} told everybody that they had {opinion} it.",
        "{Other}, by the way, {opinion} it.",
        "I should add that {other} {opinion} it and said so for a long time.",
        "When the lights came on, {other} admitted to having {opinion} the whole evening.",
        "Later I read that {other} {opinion} every scene.",
    ),
    "adjective": (
        "On the way out {other} called it {opinion}.",
        "{Other}, by the way, thought that it was {opinion}.",
        "I should add that {other} went on for a long time about how {opinion} it was.",
        "When the lights came on, {other} used only one word for it: {opinion}.",
        "Later I read that {other} had found every scene {opinion}.",
    ),
}
_LENGTHS = range(140, 186)  # words of a long review before the reported opinion
# The kinds of six reviews of a class.
_KINDS = ("misleading", "short", "agreeing", "short", "without a report", "short")
_ARTICLE = re.compile(r"\b([Aa])(?= [aeiouAEIOU])")


class Review(NamedTuple):
    """A generated review.

    Attributes:
        text: the review.
        label: 0 is negative, 1 is positive.
        rating: from 1 to 10.
        kind: `"short"`; or, of long reviews, `"misleading"`, `"agreeing"` or `"without a report"`,
            after the opinion at the end.
    """

    text: str
    label: int
    rating: int
    kind: str


def generate_reviews(count: int, *, split: str, seed: int = 0) -> Iterator[Review]:
    """Yields equally many reviews of each class (one more negative one if the count is odd).

    A review depends only on the seed, the split and its own number, not on the count.

    Args:
        count: number of reviews.
        split: name of the split, which makes the splits differ.
        seed: seed of the generator.

    Example:

    >>> reviews = list(generate_reviews(16, split="train"))
    >>> sum(review.label for review in reviews), [review.kind for review in reviews].count("short")
    (8, 8)
    """
    for index in range(count):
        random_ = random.Random(f"{seed}/{split}/{index}")
        label, kind = index % 2, _KINDS[index // 2 % len(_KINDS)]
        if kind == "short":
            text, rating = short_review(random_, label, split), pick(random_, _ratings(label))
        else:
            text, rating = _long_review(random_, label, kind)
        yield Review(_with_articles(text), label, rating, kind)


def _ratings(label):
    return [rating for ratings in RATINGS.values() for rating in ratings[label]]


def _with_articles(text):
    """Returns a text with `an` before vowels."""
    return _ARTICLE.sub(lambda match: match[1] + ("N" if text.isupper() else "n"), text)


def _long_review(random_, label, end):
    kind, strength = pick(random_, tuple(OPINIONS))
    opinions = OPINIONS[kind, strength]
    leads = shuffled(random_, LEADS)[: int(random_.random() * 3)]
    verdict = pick(random_, _VERDICTS[kind]).replace("{opinion}", pick(random_, opinions[label]))
    sentences = [*(fill(random_, lead) for lead in leads), verdict]
    fillers = iter(shuffled(random_, FILLERS))
    length = pick(random_, _LENGTHS)
    while sum(len(sentence.split()) for sentence in sentences) < length:
        sentences.append(fill(random_, next(fillers)))
    if end != "without a report":
        reported = opinions[label if end == "agreeing" else 1 - label]
        report = pick(random_, _REPORTS[kind]).replace("{opinion}", pick(random_, reported))
        sentences.append(fill(random_, report))
    rating = pick(random_, RATINGS[strength][label])
    return " ".join(sentences), rating
