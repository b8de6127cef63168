"""Generates movie reviews from templates: an early verdict, much plot, then another's opinion.

A review's class is the reviewer's own verdict, which is in one of the first three sentences. Ten or
more sentences of plot follow. In three of four reviews, a last sentence reports someone else's
opinion, which contradicts the verdict in two of the three. Both opinions use the same words, so a
bag of words cannot classify the reviews in which they contradict each other.
"""

import random
import re
from collections.abc import Iterator
from typing import NamedTuple

# (negative, positive) words that are interchangeable, by kind and strength.
OPINIONS = {
    ("verb", "strong"): (
        ("hated", "detested", "loathed", "despised"),
        ("loved", "adored", "cherished", "treasured"),
    ),
    ("verb", "mild"): (
        ("disliked", "regretted", "endured", "resented"),
        ("enjoyed", "liked", "admired", "appreciated"),
    ),
    ("adjective", "strong"): (
        ("dreadful", "awful", "terrible", "horrible"),
        ("brilliant", "superb", "wonderful", "magnificent"),
    ),
    ("adjective", "mild"): (
        ("dull", "tedious", "clumsy", "boring"),
        ("charming", "pleasant", "delightful", "engaging"),
    ),
}
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
_LEADS = (
    "I saw it on a {weekday} {daytime} in {city}.",
    "The {venue} in {city} showed it last {weekday}.",
    "It came out in {year} and runs for {minutes} minutes.",
    "A {job} from work lent me the disc.",
    "It was shown in the original {language} with subtitles.",
    "We were {number} people in a {venue} made for {hundreds}.",
    "The {genre} by {person} has now reached {city}.",
)
_FILLERS = (
    "{Person} plays a {job} who moves from {city} to {city} in the {season} of {year}.",
    "The story begins in a {place}, where {person} finds a {thing} under the {furniture}.",
    "{Person} is a {job} with a {thing} and no memory of {city}.",
    "A {job} and a {job} share a {place} near {city} for {number} weeks.",
    "Halfway through, the {thing} is lost between the {place} and the {place}.",
    "There is a scene in a {place} in which {number} {animals} cross the road.",
    "{Person} wrote the script in {city}, and {person} held the camera.",
    "The music is for {instrument} and {instrument}, recorded in a {place}.",
    "Most of it was shot in {city} during the {season}, the rest in a {place}.",
    "The part of the {job} went to {person}, the part of the {relative} to {person}.",
    "In the second act the {relative} of the {job} arrives by {vehicle} with {number} {animals}.",
    "Every {weekday} the {job} walks past the {place} and counts the {animals}.",
    "A letter from {city} changes the plan, and the {vehicle} leaves without the {job}.",
    "{Person} speaks {language} in it, and {person} answers in {language}.",
    "The camera stays on the {furniture} while somebody plays the {instrument} next door.",
    "It is based on a {genre} that {person} published in {year}.",
    "The {color} {vehicle} from the poster is seen for about {minutes} seconds.",
    "After {minutes} minutes the scene changes to a {place} in {city}.",
    "{Person} and {person} had worked together before, on a {genre} set in {city}.",
    "The {relative} keeps a {color} {thing} in the {place} and shows it to nobody.",
    "A {job} asks for the {thing}, the {relative} points to the {furniture}.",
    "There are {number} songs, all of them in {language}, with {instrument} and drums.",
    "The costumes are {color} and {color}, as they were worn in {city} in {year}.",
    "One thread follows the {animals} of the {place}, another the {job} and the {vehicle}.",
    "The {season} goes by, the {place} is sold, and {person} takes the {vehicle} to {city}.",
    "Near the end {person} opens the {color} door of the {place} and sits on the {furniture}.",
    "The editor, {person}, has made one {genre} before and lives in {city}.",
    "Somebody has painted the {furniture} {color}, and the {job} wants to know why.",
    "The {job} has been in {city} for {number} years when the film begins.",
    "For a while nobody speaks, and one hears the {instrument} from the {place}.",
)
_WORDS = {
    "weekday": "Monday Tuesday Wednesday Thursday Friday Saturday Sunday",
    "daytime": "morning afternoon evening night",
    "season": "spring summer autumn winter",
    "number": "three four five six seven eight nine ten eleven twelve",
    "hundreds": "eighty hundreds thousands sixty ninety",
    "color": "red green blue yellow white black grey brown purple turquoise crimson ochre",
    "city": "Lisbon Oslo Turin Krakow Dublin Seville Tallinn Ghent Bergen Leipzig Naples Porto "
    "Marseille Glasgow Zagreb Riga Salzburg Utrecht Boston Quebec Osaka Lima Dakar Hanoi Tunis "
    "Montevideo Valparaiso Busan Jaipur Adelaide Cork Malmo Basel Antwerp Trieste Vilnius",
    "venue": "Rialto Odeon Lumiere Capitol Astoria Metropole Savoy Alhambra Roxy Apollo",
    "language": "Portuguese Norwegian Italian Polish Irish Spanish Estonian Flemish German French "
    "Korean Hindi Vietnamese Arabic Wolof Latvian Croatian Dutch Japanese Hungarian",
    "genre": "western thriller musical documentary romance comedy drama novel play ballad "
    "chronicle mystery serial fable memoir",
    "job": "baker surgeon sailor librarian plumber teacher violinist farmer detective nurse clerk "
    "pilot carpenter botanist tailor lawyer beekeeper painter postman glazier translator "
    "geologist locksmith fisherman journalist cartographer midwife stonemason chemist gardener",
    "relative": "mother father sister brother aunt uncle cousin grandmother nephew niece "
    "godfather grandson",
    "place": "lighthouse bakery monastery harbour library station hotel quarry orchard hospital "
    "vineyard workshop school garage observatory chapel warehouse attic market cellar theatre "
    "windmill courtyard barn laundry shipyard museum greenhouse kitchen embassy",
    "thing": "letter suitcase violin map key photograph lantern diary ring telescope coin compass "
    "umbrella typewriter ladder mirror clock blanket parcel notebook receipt whistle jar button",
    "furniture": "table sofa wardrobe bench piano bookcase armchair cupboard desk stove counter "
    "shelf staircase carpet",
    "animals": "goats geese horses pigeons sheep cats donkeys herons foxes camels ducks swans "
    "hens cows",
    "instrument": "cello accordion trumpet harp clarinet guitar organ mandolin flute banjo oboe "
    "zither bassoon",
    "vehicle": "tram ferry bicycle lorry train tractor sledge steamer taxi canoe motorcycle bus "
    "balloon wagon",
    "first": "Anna Bruno Clara David Elena Felix Greta Henrik Irene Jonas Karin Lukas Marta Nils "
    "Olga Pavel Rosa Simon Teresa Victor Yusuf Zora Amina Diego Fatou Hiro Ingrid Kofi Leila Mateo",
    "last": "Almeida Berg Castelli Dvorak Eriksen Ferreira Grant Horvat Ivanov Jansen Keller "
    "Lindqvist Moreau Novak Okafor Petrov Quinn Rossi Santos Tanaka Ueda Vermeer Weber Yilmaz "
    "Zeman Abbott Bauer Costa Diallo Fontaine",
}
_LEXICON = {name: tuple(words.split()) for name, words in _WORDS.items()}
_OTHERS = (
    "my neighbour",
    "the critic of the local paper",
    "the couple behind us",
    "my cousin from {city}",
    "the usher",
    "a {job} in the front row",
    "my {relative}",
    "the man who sold the tickets",
)
_FIELD = re.compile(r"{(\w+)}")
_ARTICLE = re.compile(r"\b([Aa])(?= [aeiouAEIOU])")
_LENGTHS = range(125, 171)  # words before the reported opinion


class Review(NamedTuple):
    """A generated review; label 0 is negative, 1 is positive; ratings are from 1 to 10."""

    text: str
    label: int
    rating: int
    misleading: bool


def generate_reviews(count: int, *, split: str, seed: int = 0) -> Iterator[Review]:
    """Yields equally many reviews of each class (one more negative one if the count is odd).

    A review depends only on the seed, the split and its own number, not on the count.

    Args:
        count: number of reviews.
        split: name of the split, which makes the splits differ.
        seed: seed of the generator.

    Example:

    >>> reviews = list(generate_reviews(8, split="train"))
    >>> sum(review.label for review in reviews), sum(review.misleading for review in reviews)
    (4, 4)
    """
    for index in range(count):
        random_ = random.Random(f"{seed}/{split}/{index}")
        # Of four reviews of a class, two have a misleading end, one an agreeing end, one no end.
        end = ("misleading", "misleading", "agreeing", None)[index // 2 % 4]
        yield _generate_review(random_, label=index % 2, end=end)


def _generate_review(random_, label, end):
    kind, strength = _pick(random_, tuple(OPINIONS))
    opinions = OPINIONS[kind, strength]
    leads = _shuffled(random_, _LEADS)[: int(random_.random() * 3)]
    verdict = _pick(random_, _VERDICTS[kind]).replace("{opinion}", _pick(random_, opinions[label]))
    sentences = [*(_fill(random_, lead) for lead in leads), verdict]
    fillers = iter(_shuffled(random_, _FILLERS))
    length = _pick(random_, _LENGTHS)
    while sum(len(sentence.split()) for sentence in sentences) < length:
        sentences.append(_fill(random_, next(fillers)))
    if end:
        reported = opinions[label if end == "agreeing" else 1 - label]
        report = _pick(random_, _REPORTS[kind]).replace("{opinion}", _pick(random_, reported))
        sentences.append(_fill(random_, report))
    rating = _pick(random_, RATINGS[strength][label])
    text = _ARTICLE.sub(r"\1n", " ".join(sentences))
    return Review(text, label, rating, end == "misleading")


def _fill(random_, template):
    """Fills the fields of a template with words; a capitalized field gets a capitalized word."""

    def word(match):
        field = match[1].lower()
        if field == "year":
            text = str(1931 + int(random_.random() * 90))
        elif field == "minutes":
            text = str(21 + int(random_.random() * 120))
        elif field == "person":
            text = f"{_pick(random_, _LEXICON['first'])} {_pick(random_, _LEXICON['last'])}"
        elif field == "other":
            text = _fill(random_, _pick(random_, _OTHERS))
        else:
            text = _pick(random_, _LEXICON[field])
        return text[0].upper() + text[1:] if match[1][0].isupper() else text

    return _FIELD.sub(word, template)


def _pick(random_, choices):
    """Picks from a sequence with `random()`, whose results are the same in every Python version."""
    return choices[int(random_.random() * len(choices))]


def _shuffled(random_, choices):
    """Returns the choices in random order."""
    return sorted(choices, key=lambda _: random_.random())
