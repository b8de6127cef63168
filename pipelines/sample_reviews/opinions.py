"""Words and phrases that tell whether a reviewer liked a movie: negative ones, positive ones."""

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
        ("dreadful", "awful", "terrible", "horrible", "atrocious", "pathetic", "abysmal")
        + ("unbearable", "unwatchable", "appalling", "horrendous", "disgusting"),
        ("brilliant", "superb", "wonderful", "magnificent", "amazing", "fantastic", "excellent")
        + ("perfect", "awesome", "outstanding", "marvelous", "incredible"),
    ),
    ("adjective", "mild"): (
        ("dull", "tedious", "clumsy", "boring", "bad", "poor", "weak", "bland", "lame")
        + ("disappointing", "annoying", "forgettable"),
        ("charming", "pleasant", "delightful", "engaging", "good", "great", "fine", "lovely")
        + ("funny", "moving", "entertaining", "enjoyable"),
    ),
}


def _columns(*rows):
    """Returns the negative and the positive entries of rows `"negative, ... | positive, ..."`."""
    halves = [row.split("|") for row in rows]
    return tuple(
        tuple(entry.strip() for half in column for entry in half.split(","))
        for column in zip(*halves, strict=True)
    )


# More adjectives, for short reviews only.
_MORE_ADJECTIVES = _columns(
    "stupid, silly, pointless, predictable | nice, beautiful, gorgeous, stunning",
    "ridiculous, cheesy, painful, ugly | touching, hilarious, clever, smart",
    "slow, flat, shallow, messy | thrilling, gripping, captivating, heartwarming",
    "confusing, laughable, overrated, lousy | refreshing, impressive, memorable, unforgettable",
    "crappy, unfunny, lazy, mindless | fun, fascinating, exciting, terrific",
    "tiresome, cheap, insulting, embarrassing | splendid, exceptional, extraordinary, fabulous",
    "hopeless, worthless, mediocre, uninspired | flawless, powerful, satisfying, original",
    "sloppy, wooden, horrid, unoriginal | witty, cool, interesting, phenomenal",
    "nasty, dumb, irritating, depressing | remarkable, riveting, inspiring, masterful",
    "trite, dire, uninteresting, unconvincing | sweet, breathtaking, spectacular, underrated",
)
_COMMON = _columns(
    "bad, terrible, boring, awful, horrible, stupid | good, great, amazing, wonderful, funny, nice"
)
# The more common a word, the more often it stands here.
ADJECTIVES = tuple(
    2 * (OPINIONS["adjective", "strong"][label] + OPINIONS["adjective", "mild"][label])
    + _MORE_ADJECTIVES[label]
    + 4 * _COMMON[label]
    for label in (0, 1)
)
VERBS = tuple(
    OPINIONS["verb", "strong"][label] + OPINIONS["verb", "mild"][label] for label in (0, 1)
)
PRESENT = _columns(
    "hate, hate, dislike, can't stand, despise, detest | love, like, like, love, adore, enjoy"
)
# As in "I did not ... it": the opposite opinion.
NEGATED = _columns("like, enjoy, love, care for | regret, mind, dislike, hate")
SUPERLATIVES = _columns("worst, dullest, weakest, poorest | best, greatest, finest, funniest")
NOUNS = _columns(
    "disaster, complete mess, failure, disgrace | masterpiece, real gem, triumph, delight",
    "bore, waste of time, waste of money, letdown | joy, treat, classic, must see",
    "flop, bad joke, train wreck, big disappointment | winner, blast, work of art, success",
)
BARE_NOUNS = _columns("rubbish, garbage, trash, nonsense | perfection, magic, gold, genius")
PHRASES = _columns(
    "a waste of time | a must see",
    "not worth the money | well worth the money",
    "not worth a second look | well worth a second look",
    "not worth watching | definitely worth watching",
    "not recommended | highly recommended",
    "I would not recommend it | I would recommend it to anyone",
    "I can't recommend this to anyone | I recommend this to everyone",
    "two thumbs down | two thumbs up",
    "avoid | go and see it",
    "avoid it at all costs | see it while you can",
    "don't waste your time | don't miss it",
    "don't waste your money | do yourself a favor and watch it",
    "don't bother | don't miss this one",
    "I want my money back | I would pay to see it again",
    "I fell asleep | I laughed and cried",
    "I was bored from start to finish | I was hooked from start to finish",
    "I walked out | I could watch it again and again",
    "I couldn't wait for it to end | I didn't want it to end",
    "two hours of my life that I will never get back | two hours that I will never forget",
    "it put me to sleep | it kept me on the edge of my seat",
    "skip it | watch it",
    "stay away | run to see it",
    "save your money | buy a ticket now",
    "never again | I can't wait to see it again",
    "what a waste | what a ride",
    "what a mess | what a pleasure",
    "zero stars | five stars",
    "one star | five out of five",
    "1/10 | 10/10",
    "2 out of 10 | 9 out of 10",
    "worse than I expected | better than I expected",
    "it was a letdown | it blew me away",
    "nothing works | everything works",
    "nothing good about it | nothing bad about it",
    "it bored me | it moved me",
    "it left me cold | it left me with a smile",
    "it made me angry | it made my day",
    "so disappointed | so happy that I saw it",
    "it sucks | it rocks",
    "I could not finish it | I could not stop laughing",
    "hard to sit through | a pleasure to watch",
    "thumbs down | thumbs up",
)
