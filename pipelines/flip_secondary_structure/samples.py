"""Reads FLIP secondary structure: three FASTA files with a letter for each residue of a chain.

`sequences.fasta` holds amino acids. `sampled.fasta` holds the states and, in its headers, the
splits (`>NAME SET=train VALIDATION=False`). `mask.fasta` tells which residues the experiment
resolved.
"""

import string
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from pipelines.errors import SourceError
from pipelines.escaping import quoted
from pipelines.limits import TABLE
from pipelines.paths import StrPath
from pipelines.user_files import files_in_folder, read_lines

# Letter in the file -> name, in the order of the labels.
STATES = {"C": "coil", "E": "strand", "H": "helix"}
# (SET, VALIDATION) of a header -> split.
SPLITS = {
    ("train", "False"): "train",
    ("train", "True"): "validation",
    ("test", "False"): "test",
}
FILES = ("sequences.fasta", "sampled.fasta", "mask.fasta")

_LETTERS = dict.fromkeys(string.ascii_letters, 0)
_STATES = {letter: label for label, letter in enumerate(STATES)}
_RESOLVED = {"0": 0, "1": 1}


class Chain(NamedTuple):
    """One protein chain.

    Attributes:
        name: PDB code and chain, such as `1es5-A`.
        split: "train", "validation" or "test".
        residues: the amino acids, one capital letter each.
        states: labels in the order of `STATES`, int64 `(residues,)`.
        resolved: whether the experiment resolved the residue, bool `(residues,)`. Unresolved
            residues have the meaningless state coil.
    """

    name: str
    split: str
    residues: str
    states: np.ndarray
    resolved: np.ndarray


class _Entry(NamedTuple):
    """An entry of a FASTA file: the place of its header, the attributes there, and the letters."""

    place: str
    attributes: str
    letters: str


def read_chains(path: StrPath, limit: int = TABLE) -> Iterator[Chain]:
    """Yields the `Chain`s of a folder, in the order of `sequences.fasta`.

    Args:
        path: the folder that holds `FILES`. Entries may be in any order and take several lines;
            amino acids may be in lower case.
        limit: the size of the largest file in bytes; all files are kept in memory.

    Raises:
        SourceError: naming file and line, if a file is missing or cannot be read, a chain occurs
            twice, is not in all files or differs in length, or a header or letter is wrong.
    """
    paths = files_in_folder(path, FILES, limit)
    entries = {file: _read_entries(file, limit) for file in paths}
    for file in paths:
        for name in entries[file]:
            for other in paths:
                if name not in entries[other]:
                    place = entries[file][name].place
                    raise SourceError(
                        f"{place}: chain {name} is not in {other}; expected it in all files"
                    )
    for name in entries[paths[0]]:
        yield _chain(name, *(entries[file][name] for file in paths))


def _read_entries(path, limit):
    """Returns name -> `_Entry` of a FASTA file."""
    headers, parts = {}, []
    for number, line in read_lines(path, limit):
        line, place = line.strip(), f"{path}, line {number}"
        if line.startswith(">"):
            name, _, attributes = line[1:].partition(" ")
            if not name:
                raise SourceError(f"{place}: a header without a name; expected one like >1es5-A")
            if name in headers:
                first = headers[name][0]
                raise SourceError(f"{place}: chain {name} occurs twice, first at {first}")
            parts = []
            headers[name] = place, attributes, parts
        elif line and not headers:
            raise SourceError(
                f"{place}: {quoted(line, 22)} before any header; expected one like >1es5-A"
            )
        else:
            parts.append(line)
    if not headers:
        raise SourceError(f"{path}: no chains in it; expected entries with headers like >1es5-A")
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
