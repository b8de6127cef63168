"""Sample names, action names and the official splits of NTU RGB+D.

Sources: Shahroudy et al., *NTU RGB+D: A Large Scale Dataset for 3D Human Activity Analysis*, CVPR
2016 (ntu60: setups 1 to 17, actions 1 to 60); Liu et al., *NTU RGB+D 120: A Large-Scale Benchmark
for 3D Human Activity Understanding*, TPAMI 2020 (ntu120: all).
"""

import pathlib
import re
from typing import NamedTuple

from pipelines.errors import SourceError
from pipelines.escaping import quoted
from pipelines.paths import StrPath
from pipelines.user_files import read_lines

_NAME = re.compile(r"S([0-9]{3})C([0-9]{3})P([0-9]{3})R([0-9]{3})A([0-9]{3})")
_LIKE_A_NAME = re.compile(r"S[0-9]")
_LARGEST = {"setup": 32, "camera": 3, "subject": 106, "replication": 2, "action": 120}
_MISSING_LIST_HEADER = 3


class Sample(NamedTuple):
    """The numbers in a sample's name, all counted from 1."""

    setup: int
    camera: int
    subject: int
    replication: int
    action: int


class Split(NamedTuple):
    """An official split: training samples have one of these numbers in this field of `Sample`."""

    field: str
    training: frozenset[int]

    def is_training(self, sample: Sample) -> bool:
        """Whether a `Sample` is for training; otherwise it is for testing."""
        return getattr(sample, self.field) in self.training


_SUBJECTS_60 = frozenset([1, 2, 4, 5, 8, 9, 13, 14, 15, 16, 17, 18, 19, 25, 27, 28, 31, 34, 35, 38])
_SUBJECTS_120 = _SUBJECTS_60 | frozenset(
    [45, 46, 47, 49, 50, 52, 53, 54, 55, 56, 57, 58, 59, 70, 74, 78, 80, 81, 82, 83, 84, 85, 86]
    + [89, 91, 92, 93, 94, 95, 97, 98, 100, 103]
)
SPLITS = {
    "ntu60": {
        "cross_subject": Split("subject", _SUBJECTS_60),
        "cross_view": Split("camera", frozenset([2, 3])),
    },
    "ntu120": {
        "cross_subject": Split("subject", _SUBJECTS_120),
        "cross_setup": Split("setup", frozenset(range(2, 33, 2))),
    },
}


def parse_name(name: str) -> Sample:
    """Returns the numbers in a sample's name, such as "S001C002P003R002A013".

    Raises:
        SourceError: if the name has another form, or a number is out of range.

    Example:

    >>> parse_name("S001C002P003R002A013")
    Sample(setup=1, camera=2, subject=3, replication=2, action=13)
    """
    match = _NAME.fullmatch(name)
    if not match:
        found = quoted(name)
        raise SourceError(f"{found} is not a sample name; expected one like S001C002P003R002A013")
    sample = Sample(*map(int, match.groups()))
    for field, number in sample._asdict().items():
        if not 1 <= number <= _LARGEST[field]:
            raise SourceError(f"{name}: {field} {number}; expected 1 to {_LARGEST[field]}")
    return sample


def read_missing_list(path: StrPath) -> frozenset[str]:
    """Returns the names in an official list of samples with missing skeletons.

    Args:
        path: a text file with one name per line. The official lists begin with three lines of
            explanation, which may be missing.

    Raises:
        SourceError: if the file cannot be read or contains no name, or if a line that is not part
            of the explanation is not a name.
    """
    file = pathlib.Path(path).expanduser()
    names: set[str] = set()
    for number, line in read_lines(file):
        name = line.strip()
        is_explanation = number <= _MISSING_LIST_HEADER and not _LIKE_A_NAME.match(name)
        if not name or (is_explanation and not names):
            continue
        try:
            parse_name(name)
        except SourceError as error:
            raise SourceError(f"{file}, line {number}: {error}") from error
        names.add(name)
    if not names:
        raise SourceError(
            f"{file}: no sample names in it; expected one per line, such as S001C002P003R002A013"
        )
    return frozenset(names)


# In the order of their numbers, after https://github.com/shahroudy/NTURGB-D
ACTIONS = (
    "drink water",
    "eat meal",
    "brush teeth",
    "brush hair",
    "drop",
    "pick up",
    "throw",
    "sit down",
    "stand up",
    "clapping",
    "reading",
    "writing",
    "tear up paper",
    "put on jacket",
    "take off jacket",
    "put on shoe",
    "take off shoe",
    "put on glasses",
    "take off glasses",
    "put on hat",
    "take off hat",
    "cheer up",
    "hand waving",
    "kicking something",
    "reach into pocket",
    "hopping",
    "jump up",
    "phone call",
    "play with phone",
    "type on keyboard",
    "point to something",
    "take selfie",
    "check time",
    "rub hands",
    "nod head",
    "shake head",
    "wipe face",
    "salute",
    "put palms together",
    "cross hands in front",
    "sneeze or cough",
    "staggering",
    "falling",
    "touch head",
    "touch chest",
    "touch back",
    "touch neck",
    "nausea or vomiting",
    "use fan",
    "punch or slap",
    "kick other person",
    "push other person",
    "pat on back",
    "point finger at other person",
    "hug",
    "give something",
    "touch other's pocket",
    "shake hands",
    "walk towards each other",
    "walk apart",
    "put on headphone",
    "take off headphone",
    "shoot at basket",
    "bounce ball",
    "tennis bat swing",
    "juggle table tennis balls",
    "hush",
    "flick hair",
    "thumb up",
    "thumb down",
    "make ok sign",
    "make victory sign",
    "staple book",
    "count money",
    "cut nails",
    "cut paper",
    "snap fingers",
    "open bottle",
    "sniff",
    "squat down",
    "toss coin",
    "fold paper",
    "ball up paper",
    "play magic cube",
    "apply cream on face",
    "apply cream on hand",
    "put on bag",
    "take off bag",
    "put something into bag",
    "take something out of bag",
    "open box",
    "move heavy objects",
    "shake fist",
    "throw up cap",
    "hands up",
    "cross arms",
    "arm circles",
    "arm swings",
    "run on the spot",
    "butt kicks",
    "cross toe touch",
    "side kick",
    "yawn",
    "stretch oneself",
    "blow nose",
    "hit with something",
    "wield knife",
    "knock over",
    "grab stuff",
    "shoot with gun",
    "step on foot",
    "high-five",
    "cheers and drink",
    "carry together",
    "take photo",
    "follow",
    "whisper",
    "exchange things",
    "support somebody",
    "rock-paper-scissors",
)
