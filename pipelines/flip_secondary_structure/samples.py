"""Reads FLIP's secondary structure: three FASTA files with a letter for each residue of a chain.

`sequences.fasta` holds amino acids, `sampled.fasta` the states and, in its headers, the splits
(`>NAME SET=train VALIDATION=False`), `mask.fasta` which residues the experiment resolved.
"""

import pathlib
import string
from typing import NamedTuple

import numpy as np

from pipelines.errors import SourceError
from pipelines.escaping import quoted
from pipelines.limits import TABLE, check_file_size
from pipelines.user_files import read_lines

# Letter in the file -> name, in the order of the labels.
STATES = {"C": "coil", "E": "strand", "H": "helix"}
# (SET, VALIDATION) of a header -> split.
SPLITS = {
    ("train", "False"): "train",
    ("train", "True"): "validation",
    ("test", "False"): "test",
}
SEQUENCES, LABELS, MASK = FILES = ("sequences.fasta", "sampled.fasta", "mask.fasta")

_LETTERS = dict.fromkeys(string.ascii_letters, 0)
_STATES = {letter: label for label, letter in enumerate(STATES)}
_RESOLVED = {"0": 0, "1": 1}


class Chain(NamedTuple):
    """One protein chain.

    Attributes:
        name: PDB code and chain, such as `1es5-A`.
        split: "train", "validation" or "test".
        residues: the amino acids, a string of one capital letter for each.
        states: labels in the order of `STATES`, int64 `(residues,)`.
        resolved: whether the experiment saw the residue, bool `(residues,)`; those that it did not
            see have the state coil, which means nothing.
    """

    name: str
    split: str
    residues: str
    states: np.ndarray
    resolved: np.ndarray


class _Entry(NamedTuple):
    """An entry of a FASTA file: the place of its header, the rest of that, and its letters."""

    place: str
    attributes: str
    letters: str


def read_chains(path, limit=TABLE):
    """Yields the `Chain`s of a folder, in the order of `sequences.fasta`.

    Args:
        path: the folder that holds `FILES`. Entries may stand in any order, and be of several
            lines; amino acids in lower case are those in upper case.
        limit: integer, the size of the largest file in bytes; all of them are kept in memory.

    Raises:
        SourceError: naming file and line, if a file is missing or cannot be read, a chain occurs
            twice, not in all files or with unequal lengths, or a header or letter is wrong.
    """
    path = pathlib.Path(path).expanduser()
    if not path.is_dir():
        raise SourceError(f"{path}: no such folder; expected the one with {', '.join(FILES)}")
    entries = {file: _read_entries(path / file, limit) for file in FILES}
    for file in FILES:
        for name in entries[file]:
            for other in FILES:
                if name not in entries[other]:
                    place = entries[file][name].place
                    raise SourceError(
                        f"{place}: chain {name} is not in {path / other}; expected it in all files"
                    )
    for name in entries[SEQUENCES]:
        yield _chain(name, *(entries[file][name] for file in FILES))


def _read_entries(path, limit):
    """Returns name -> `_Entry` of a FASTA file."""
    if not path.is_file():
        raise SourceError(f"{path}: no such file; expected {', '.join(FILES)} in one folder")
    check_file_size(path, limit)
    headers, parts = {}, []
    for number, line in read_lines(path, limit):
        line, place = line.strip(), f"{path}, line {number}"
        if line.startswith(">"):
            name, _, attributes = line[1:].partition(" ")
            if not name:
                raise SourceError(f"{place}: a header without a name; expected one like >1es5-A")
            if name in headers:
                first = headers[name][0]
                raise SourceError(f"{place}: chain {name} occurs again; it is at {first} already")
            parts = []
            headers[name] = place, attributes, parts
        elif line and not headers:
            raise SourceError(
                f"{place}: {quoted(line[:20])} before any header; expected one like >1es5-A"
            )
        else:
            parts.append(line)
    if not headers:
        raise SourceError(f"{path}: no chains in it; expected headers like >1es5-A")
    entries = {}
    for name, (place, attributes, parts) in headers.items():
        entries[name] = _Entry(place, attributes, "".join(parts))
        if not entries[name].letters:
            raise SourceError(f"{place}: chain {name} is empty; expected a letter for each residue")
    return entries


def _chain(name, sequence, labels, mask):
    """Returns the `Chain` of three entries."""
    for entry in (labels, mask):
        if len(entry.letters) != len(sequence.letters):
            raise SourceError(
                f"{entry.place}: chain {name} has {len(entry.letters):,} letters; "
                f"expected {len(sequence.letters):,} as at {sequence.place}"
            )
    _encode(f"{sequence.place}: chain {name}", sequence.letters, _LETTERS, "a letter from A to Z")
    return Chain(
        name,
        _split(labels),
        sequence.letters.upper(),
        _encode(f"{labels.place}: chain {name}", labels.letters, _STATES, "C, E or H"),
        _encode(f"{mask.place}: chain {name}", mask.letters, _RESOLVED, "0 or 1").astype(bool),
    )


def _split(entry):
    """Returns the split that a header names."""
    attributes = dict(word.partition("=")[::2] for word in entry.attributes.split())
    key = attributes.get("SET"), attributes.get("VALIDATION")
    if key not in SPLITS:
        expected = ", ".join(f"SET={part} VALIDATION={validation}" for part, validation in SPLITS)
        raise SourceError(
            f"{entry.place}: the header has {quoted(entry.attributes)} after the name; "
            f"expected one of {expected}"
        )
    return SPLITS[key]


def _encode(place, letters, codes, expected):
    """Returns the codes of letters, int64 `(residues,)`."""
    table = np.full(256, -1)
    table[[ord(letter) for letter in codes]] = list(codes.values())
    encoded = table[np.frombuffer(letters.encode("ascii", "replace"), np.uint8)]
    if (encoded < 0).any():
        wrong = int(np.argmax(encoded < 0))
        found = quoted(letters[wrong])
        raise SourceError(f"{place}, residue {wrong + 1}: {found}; expected {expected}")
    return encoded
