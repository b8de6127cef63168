import os
import pathlib
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest
import tensorflow_datasets as tfds

from pipelines.build import build, main
from pipelines.errors import SourceError
from pipelines.flip_secondary_structure.builder import NUM_CHAINS, FlipSecondaryStructure
from pipelines.flip_secondary_structure.samples import FILES, read_chains
from pipelines.verify import verify

REPOSITORY = pathlib.Path(__file__).parents[2]
# Name -> (header's rest, amino acids, states, mask).
CHAINS = {
    "1es5-A": (
        "SET=train VALIDATION=False",
        "ACDEFGHIKLMNPQRSTVWY",
        "CEHCEHCEHCEHCEHCEHCE",
        "1" * 20,
    ),
    "2a6h-E": ("SET=train VALIDATION=True", "MX", "HC", "10"),
    "5b1a-P": ("SET=test VALIDATION=False", "W", "E", "1"),
    "5ehi-C": ("SET=train VALIDATION=False", "XUOBZJmy", "CCCCHHCC", "01111100"),
}
HEADER = "SET=train VALIDATION=False"


def fasta(entries):
    return "".join(f">{header}\n{letters}\n" for header, letters in entries)


def contents(chains):
    """Returns file -> content."""
    rows = [(name, *values) for name, values in chains.items()]
    return {
        "sequences.fasta": fasta((name, letters) for name, _, letters, _, _ in rows),
        "sampled.fasta": fasta((f"{name} {rest}", states) for name, rest, _, states, _ in rows),
        "mask.fasta": fasta((name, mask) for name, _, _, _, mask in rows),
    }


@pytest.fixture
def write(tmp_path):
    """Writes files into a folder; returns its path."""

    def write(files, name="source"):
        for file, text in files.items():
            (tmp_path / name).mkdir(exist_ok=True)
            (tmp_path / name / file).write_bytes(text if isinstance(text, bytes) else text.encode())
        return tmp_path / name

    return write


def read_records(path):
    """Returns split -> name -> record."""
    builder = tfds.builder_from_directory(path)
    return {
        split: {
            record["name"].decode(): record
            for record in builder.as_dataset(split=split).as_numpy_iterator()
        }
        for split in builder.info.splits
    }


def shards(path):
    return {file.name: file.read_bytes() for file in path.glob("*.tfrecord*")}


def test_every_chain_is_in_its_split(write, tmp_path):
    path = build("flip_secondary_structure", tmp_path / "data", source=write(contents(CHAINS)))

    records = read_records(path)
    assert {split: set(names) for split, names in records.items()} == {
        "train": {"1es5-A", "5ehi-C"},
        "validation": {"2a6h-E"},
        "test": {"5b1a-P"},
    }
    for name, (_, letters, states, mask) in CHAINS.items():
        (record,) = [names[name] for names in records.values() if name in names]
        assert record["residues"].decode() == letters.upper()
        assert ["CEH"[label] for label in record["states"]] == list(states)
        assert record["resolved"].tolist() == [digit == "1" for digit in mask]


def test_a_reader_gets_tensors_of_any_length(write, tmp_path):
    path = build("flip_secondary_structure", tmp_path / "data", source=write(contents(CHAINS)))
    builder = tfds.builder_from_directory(path)

    spec = builder.as_dataset(split="train").element_spec
    assert {name: (tuple(part.shape), part.dtype.name) for name, part in spec.items()} == {
        "residues": ((), "string"),
        "states": ((None,), "int64"),
        "resolved": ((None,), "bool"),
        "name": ((), "string"),
    }
    assert builder.info.features["states"].names == ["coil", "strand", "helix"]
    ((residues, states),) = builder.as_dataset(split="test", as_supervised=True).as_numpy_iterator()
    assert (residues, states.tolist()) == (b"W", [1])


def test_wrapped_lines_order_case_and_line_ends_do_not_matter(write):
    files = contents(CHAINS)
    expected = list(read_chains(write(files)))
    lines = files["sampled.fasta"].split("\n")
    entries = ["\n".join(lines[n : n + 2]) for n in range(0, 8, 2)]
    files["sampled.fasta"] = "\n\n".join(reversed(entries))  # nor is there a newline at the end
    files["sequences.fasta"] = files["sequences.fasta"].replace("GHIKL", "g\r\nH\r\niK \r\n\r\nL")
    files["sequences.fasta"] = "\ufeff" + files["sequences.fasta"].replace("-P\n", "-P a protein\n")

    found = list(read_chains(write(files, "again")))

    for one, other in zip(found, expected, strict=True):
        for value, value_expected in zip(one, other, strict=True):
            np.testing.assert_array_equal(value, value_expected)


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("sampled.fasta", "\nHC", "\nHB", "line 3: chain 2a6h-E, residue 2: 'B'; expected C, E or"),
        ("sampled.fasta", "\nHC", "\nHc", "line 3: chain 2a6h-E, residue 2: 'c'; expected C, E or"),
        ("sampled.fasta", "\nHC", "\nH-", "line 3: chain 2a6h-E, residue 2: '-'"),
        ("sampled.fasta", "\nHC", "\né\nC", "line 3: chain 2a6h-E, residue 1: 'é'"),
        ("mask.fasta", "10\n", "12\n", "line 3: chain 2a6h-E, residue 2: '2'; expected 0 or 1"),
        ("mask.fasta", "10\n", "1 \n", "line 3: chain 2a6h-E has 1 letters; expected 2 as at "),
        ("sequences.fasta", "MX", "M*", "line 3: chain 2a6h-E, residue 2: '*'; expected a let"),
        ("sequences.fasta", "MX", "M?", "line 3: chain 2a6h-E, residue 2: '?'; expected a let"),
        ("sequences.fasta", "MX", "MÄ", "line 3: chain 2a6h-E, residue 2: 'Ä'; expected a let"),
        ("sampled.fasta", "\nHC", "\nHCC", "line 3: chain 2a6h-E has 3 letters; expected 2 as at "),
        ("sampled.fasta", "SET=test ", "", "line 5: the header has 'VALIDATION=False' after"),
        ("sampled.fasta", " VALIDATION=True", "", "line 3: the header has 'SET=train' after the n"),
        ("sampled.fasta", "SET=test", "SET=dev", "line 5: the header has 'SET=dev VALIDATION="),
        ("sampled.fasta", "True", "yes", "line 3: the header has 'SET=train VALIDATION=yes'"),
        ("sampled.fasta", "test VALIDATION=False", "test VALIDATION=True", "line 5: the header"),
        ("mask.fasta", "2a6h-E", "1es5-A", "line 3: chain 1es5-A occurs twice, first at "),
        ("mask.fasta", "2a6h-E", "2a6h-F", "line 3: chain 2a6h-E is not in "),
        ("sampled.fasta", "5b1a-P", "5b1a-p", "line 5: chain 5b1a-P is not in "),
        ("mask.fasta", "\n10\n", "\n", "line 3: chain 2a6h-E is empty"),
        ("sequences.fasta", ">5ehi-C\nXUOBZJmy", ">5ehi-C", "line 7: chain 5ehi-C is empty"),
        ("sequences.fasta", ">2a6h-E", "> ", "line 3: a header without a name"),
        ("sequences.fasta", ">1es5-A", "1es5-A", "line 1: '1es5-A' before any header"),
        ("mask.fasta", "10\n", b"\xff\xfe\n", "line 4: not UTF-8 text"),
    ],
)
def test_wrong_content_is_named_with_file_and_line(write, file, old, new, message):
    files = {name: text.encode() for name, text in contents(CHAINS).items()}
    assert old.encode() in files[file]
    files[file] = files[file].replace(
        old.encode(), new if isinstance(new, bytes) else new.encode(), 1
    )
    source = write(files)
    if "is not in" in message:
        file = "sequences.fasta"

    with pytest.raises(SourceError) as error:
        list(read_chains(source))

    assert str(error.value).startswith(f"{source}/{file}, {message}")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("file", FILES)
def test_chain_without_partner_is_named_where_it_stands(write, file):
    files = contents(CHAINS)
    files[file] += f">9xyz-A {HEADER}\n1\n"

    with pytest.raises(SourceError, match=f"{file}, line 9: chain 9xyz-A is not in .*fasta"):
        list(read_chains(write(files)))


@pytest.mark.parametrize("file", FILES)
def test_missing_and_empty_files_are_named(write, file):
    source = write({**contents(CHAINS), file: "\n\n"})
    with pytest.raises(SourceError, match=f"{source}/{file}: no chains in it"):
        list(read_chains(source))

    (source / file).unlink()
    with pytest.raises(SourceError, match=f"{source}/{file}: no such file; expected sequences"):
        list(read_chains(source))


def test_wrong_source_is_one_line_and_leaves_no_build(write, tmp_path, capsys):
    broken = contents(CHAINS)
    broken["mask.fasta"] = broken["mask.fasta"].replace("\n10\n", "\n1x\n")
    for flags, message in (
        ([], "no source given; expected the folder with sequences.fasta, sampled.fasta, mask.f"),
        (
            [f"--source={tmp_path}/nowhere"],
            f"{tmp_path}/nowhere: no such folder; expected the folder",
        ),
        ([f"--source={write(broken)}"], "mask.fasta, line 3: chain 2a6h-E, residue 2: 'x'"),
    ):
        assert main(["flip_secondary_structure", f"--data_dir={tmp_path / 'data'}", *flags]) == 1
        assert message in capsys.readouterr().err.strip().split("\n")[-1]
    assert not list(tmp_path.rglob("*.tfrecord*"))


@pytest.mark.slow
def test_same_bytes_from_the_command_in_another_process(write, tmp_path):
    source = write(contents(CHAINS))
    here = build("flip_secondary_structure", tmp_path / "here", source=source)
    there = subprocess.run(
        [sys.executable, "-m", "pipelines.build", "flip_secondary_structure"]
        + [f"--source={source}", f"--data_dir={tmp_path / 'there'}"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
    )

    assert there.returncode == 0, there.stderr
    assert shards(tmp_path / "there" / here.relative_to(tmp_path / "here")) == shards(here)
    assert len(shards(here)) == 3
    # Of 5ehi-C, CCCCHHCC, residues 2 to 6 are resolved: three coil, two helix.
    train, validation, test, note = there.stdout.splitlines()[1:5]
    assert train.endswith("coil 10, strand 7, helix 8")
    assert validation.endswith("coil 0, strand 0, helix 1")
    assert test.endswith("coil 0, strand 1, helix 0")
    assert note == "  states are counted over the resolved residues"


def test_partial_data_and_another_source_are_reported(write, tmp_path):
    chains = {name: CHAINS[name] for name in ("1es5-A", "5b1a-P")}
    source = write(contents(chains))
    path = build("flip_secondary_structure", tmp_path / "data", source=source)

    assert list(tfds.builder_from_directory(path).info.splits) == ["train", "test"]
    again = FlipSecondaryStructure(source="/other", data_dir=tmp_path / "data").warnings()
    assert again[:3] == [
        "split train has 1 chains, the complete data set has 9,712",
        "split validation has 0 chains, the complete data set has 1,080",
        "split test has 1 chains, the complete data set has 364",
    ]
    assert f"already built from {source}; /other was not read" in again[3]


def test_verify_counts_resolved_residues_and_finds_a_chain_in_two_splits(write, tmp_path):
    chains = {**CHAINS, "9xyz-A": ("SET=test VALIDATION=False", *CHAINS["5ehi-C"][1:])}

    report = verify(
        build("flip_secondary_structure", tmp_path / "data", source=write(contents(chains)))
    )

    assert report.label_counts == {
        "train": {"coil": 10, "strand": 7, "helix": 8},
        "validation": {"helix": 1},
        "test": {"coil": 3, "strand": 1, "helix": 2},
    }
    assert report.warnings == []
    assert report.problems == [
        "leakage: 1 of 2 records of test have the same residues as one of train: 5ehi-C = 9xyz-A"
    ]


@pytest.mark.skipif("NRNM_DATA" not in os.environ, reason="needs the real chains")
def test_real_chains(write, tmp_path):
    folder = pathlib.Path(os.environ["NRNM_DATA"]) / "flip_secondary_structure"
    raw = [(folder / file).read_text().splitlines() for file in FILES]
    chains = list(read_chains(folder))
    assert Counter(chain.split for chain in chains) == NUM_CHAINS
    assert all(chain.resolved.any() for chain in chains)
    assert sum((chain.states[~chain.resolved] != 0).sum() for chain in chains) == 0
    for line, chain in zip(range(0, len(raw[0]), 2), chains, strict=True):
        assert raw[0][line] == raw[2][line] == f">{chain.name}"
        assert chain.residues == raw[0][line + 1]
        assert "".join("CEH"[label] for label in chain.states) == raw[1][line + 1]
        assert "".join("01"[int(seen)] for seen in chain.resolved) == raw[2][line + 1]

    # Encoding all of them takes TFDS longer than a test should.
    first = {file: "\n".join(lines[:400]) + "\n" for file, lines in zip(FILES, raw, strict=True)}
    path = build("flip_secondary_structure", tmp_path / "data", source=write(first))
    records = read_records(path)
    assert sum(map(len, records.values())) == 200
    for chain in chains[:200]:
        record = records[chain.split][chain.name]
        assert record["residues"].decode() == chain.residues
        for name in ("states", "resolved"):
            np.testing.assert_array_equal(record[name], getattr(chain, name))
