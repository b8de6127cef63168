"""Sentences of a review that say nothing about its class: circumstances, plot and cast."""

import random
import re

from pipelines.sample_reviews.choices import pick

LEADS = (
    "I saw it on a {weekday} {daytime} in {city}.",
    "The {venue} in {city} showed it last {weekday}.",
    "It came out in {year} and runs for {minutes} minutes.",
    "A {job} from work lent me the disc.",
    "It was shown in the original {language} with subtitles.",
    "We were {number} people in a {venue} made for {hundreds}.",
    "The {genre} by {person} has now reached {city}.",
)
FILLERS = (
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
    "color": "red green blue yellow white black gray brown purple turquoise crimson ochre",
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
    "place": "lighthouse bakery monastery harbor library station hotel quarry orchard hospital "
    "vineyard workshop school garage observatory chapel warehouse attic market cellar theater "
    "windmill courtyard barn laundry shipyard museum greenhouse kitchen embassy",
    "thing": "letter suitcase violin map key photograph lantern diary ring telescope coin compass "
    "umbrella typewriter ladder mirror clock blanket parcel notebook receipt whistle jar button",
    "furniture": "table sofa wardrobe bench piano bookcase armchair cupboard desk stove counter "
    "shelf staircase carpet",
    "animals": "goats geese horses pigeons sheep cats donkeys herons foxes camels ducks swans "
    "hens cows",
    "instrument": "cello accordion trumpet harp clarinet guitar organ mandolin flute banjo oboe "
    "zither bassoon",
    "vehicle": "tram ferry bicycle truck train tractor sledge steamer taxi canoe motorcycle bus "
    "balloon wagon",
    "first": "Anna Bruno Clara David Elena Felix Greta Henrik Irene Jonas Karin Lukas Marta Nils "
    "Olga Pavel Rosa Simon Teresa Victor Yusuf Zora Amina Diego Fatou Hiro Ingrid Kofi Leila Mateo",
    "last": "Almeida Berg Castelli Dvorak Eriksen Ferreira Grant Horvat Ivanov Jansen Keller "
    "Lindqvist Moreau Novak Okafor Petrov Quinn Rossi Santos Tanaka Ueda Vermeer Weber Yilmaz "
    "Zeman Abbott Bauer Costa Diallo Fontaine",
}
_LEXICON = {name: tuple(words.split()) for name, words in _WORDS.items()}
_OTHERS = (
    "my neighbor",
    "the critic of the local paper",
    "the couple behind us",
    "my cousin from {city}",
    "the usher",
    "a {job} in the front row",
    "my {relative}",
    "the man who sold the tickets",
)
_FIELD = re.compile(r"{(\w+)}")


def fill(random_: random.Random, template: str) -> str:
    """Fills the fields of a template with words; a capitalized field gets a capitalized word."""

    def word(match):
        field = match[1].lower()
        if field == "year":
            text = str(1931 + int(random_.random() * 90))
        elif field == "minutes":
            text = str(21 + int(random_.random() * 120))
        elif field == "person":
            text = f"{pick(random_, _LEXICON['first'])} {pick(random_, _LEXICON['last'])}"
        elif field == "other":
            text = fill(random_, pick(random_, _OTHERS))
        else:
            text = pick(random_, _LEXICON[field])
        return text[0].upper() + text[1:] if match[1][0].isupper() else text

    return _FIELD.sub(word, template)
