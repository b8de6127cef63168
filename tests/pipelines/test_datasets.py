"""A data set is its folder: what is dropped in is found, built and verified by name."""

import importlib
import json
import pathlib
import shutil
import subprocess
import sys
import textwrap

import pytest

import pipelines
from pipelines.build import build, main
from pipelines.datasets import builder_class, dataset_names, description
from pipelines.errors import SourceError
from pipelines.verify import main as verify_main
from pipelines.verify import verify

REPOSITORY = pathlib.Path(__file__).parents[2]
BUILDER = '''
    """TFDS builder of tiny texts."""

    import tensorflow_datasets as tfds

    from pipelines.argument_checks import check_at_least
    from pipelines.dataset_builder import DatasetBuilder
    from pipelines.{name}.texts import texts


    class {class_name}(DatasetBuilder):
        """Tiny texts."""

        VERSION = tfds.core.Version("1.0.0")
        OPTIONS = {{
            "size": "number of texts",
            "share": "share of a's",
            "shout": "whether to shout",
            "word": "the word",
        }}
        CHOICES = {{"word": ("ha", "ho")}}
        RENAMED = {{"number": "size"}}

        def __init__(self, *, size=4, share=0.5, shout=False, word="ha", **kwargs):
            self._check_choices(word=word)
            check_at_least(2, size=size)
            self._texts = texts(size, share, word.upper() if shout else word)
            name = f"size_{{size}}_share_{{share}}_shout_{{shout}}_word_{{word}}"
            super().__init__(config=tfds.core.BuilderConfig(name=name), **kwargs)

        def _info(self):
            features = {{
                "text": tfds.features.Text(),
                "label": tfds.features.ClassLabel(names=["a", "b"]),
                "id": tfds.features.Text(),
            }}
            return self.dataset_info_from_configs(
                features=tfds.features.FeaturesDict(features), supervised_keys=("text", "label")
            )

        def _split_generators(self, dl_manager):
            return {{"train": self._generate_examples()}}

        def _generate_examples(self):
            for number, (text, label) in enumerate(self._texts):
                key = f"train/{{number}}"
                yield key, {{"text": text, "label": label, "id": key}}
'''
TEXTS = '''
    """The texts."""


    def texts(size, share, word):
        """Returns (text, label) pairs."""
        return [(f"{word} {n}", "b" if n < share * size else "a") for n in range(size)]
'''


def write_dataset(root, name="tiny_texts", builder=BUILDER):
    folder = root / name
    folder.mkdir(parents=True)
    class_name = "".join(word.capitalize() for word in name.split("_"))
    content = builder.format(name=name, class_name=class_name)
    (folder / "__init__.py").write_text('"""Tiny texts, for a test."""\n')
    (folder / "builder.py").write_text(textwrap.dedent(content))
    (folder / "texts.py").write_text(textwrap.dedent(TEXTS))
    (folder / "README.md").write_text("Laughter.\n")
    (folder / "CITATIONS.bib").write_text("@misc{laughter}\n")
    (folder / "TAGS.txt").write_text("content.data-type.text: Contains text data.\n")
    return folder


@pytest.fixture
def more(tmp_path, monkeypatch):
    """A folder on the package path, which data sets can be dropped into."""
    folder = tmp_path / "more"
    monkeypatch.setattr(pipelines, "__path__", [*pipelines.__path__, str(folder)])
    yield folder
    for path in folder.glob("*"):
        for module in [name for name in sys.modules if name.startswith(f"pipelines.{path.name}")]:
            del sys.modules[module]
        vars(pipelines).pop(path.name, None)
    importlib.invalidate_caches()


def test_every_folder_with_a_builder_is_a_data_set():
    folders = {path.parent.name for path in (REPOSITORY / "pipelines").glob("*/builder.py")}

    assert dataset_names() == sorted(folders)
    assert {"imdb", "long_memory", "text_files"} <= folders
    assert not {"archives", "build"} & folders


@pytest.mark.parametrize("dataset", dataset_names())
def test_folder_class_and_build_have_one_name(dataset):
    cls = builder_class(dataset)

    assert cls.name == dataset
    assert description(dataset)
    assert set(cls.RENAMED.values()) <= set(cls.OPTIONS)


def test_new_data_set_is_built_and_verified_by_name(more, tmp_path):
    assert "tiny_texts" not in dataset_names()
    write_dataset(more)
    assert "tiny_texts" in dataset_names()

    path = build("tiny_texts", tmp_path / "data", size=8, share=0.25)

    assert path.relative_to(tmp_path / "data").parts[0] == "tiny_texts"
    report = verify(path)
    assert report.problems == []
    assert report.label_counts == {"train": {"a": 6, "b": 2}}
    info = json.loads((path / "dataset_info.json").read_text())
    assert (info["description"], info["citation"]) == ("Laughter.", "@misc{laughter}")


def test_commands_know_a_new_data_set_and_its_options(more, tmp_path, capsys):
    write_dataset(more)
    data = tmp_path / "data"

    assert main(["tiny_texts", f"--data_dir={data}", "--size=3", "--shout", "--share=1"]) == 0
    assert "3 examples" in capsys.readouterr().out
    assert verify_main([str(data)]) == 0
    assert "builds: 1, problems: 0" in capsys.readouterr().out

    assert main(["tiny_texts", f"--data_dir={data}", "--size=many"]) == 1
    assert main(["tiny_texts", f"--data_dir={data}", "--word=hi"]) == 1
    assert main(["tiny_text"]) == 1
    size, word, unknown = capsys.readouterr().err.splitlines()
    assert "--size=many" in size
    assert word == "error: word='hi'; expected ha or ho"
    assert "unknown data set 'tiny_text'; expected one of " in unknown and "tiny_texts" in unknown


def test_help_of_all_data_sets_is_grouped(more, capsys):
    write_dataset(more)

    assert main(["--help"]) == 0

    general, *groups = capsys.readouterr().out.strip().split("\n\n")
    assert general.startswith("usage: python -m pipelines.build DATASET ")
    assert "--data_dir: folder that holds all builds (default: data)" in general
    heads = [group.partition(":")[0] for group in groups]
    assert heads == dataset_names()
    for dataset, group in zip(dataset_names(), groups, strict=True):
        head, *options = group.splitlines()
        assert head == f"{dataset}: {description(dataset)}"
        names = [line.strip().partition(":")[0] for line in options]
        assert names == [f"--{name}" for name in builder_class(dataset).OPTIONS]
    assert groups[heads.index("tiny_texts")].splitlines() == [
        "tiny_texts: Tiny texts, for a test.",
        "  --size: number of texts (default: 4)",
        "  --share: share of a's (default: 0.5)",
        "  --shout: whether to shout (default: False)",
        "  --word: the word: ha or ho (default: ha)",
    ]


def test_former_name_of_an_option_is_accepted(more, tmp_path, capsys):
    write_dataset(more)

    path = build("tiny_texts", tmp_path, number=6)
    assert build("tiny_texts", tmp_path, size=6) == path
    assert main(["tiny_texts", f"--data_dir={tmp_path}", "--number=6"]) == 0
    assert str(path) in capsys.readouterr().out

    assert main(["tiny_texts", "--help"]) == 0
    assert "number:" not in capsys.readouterr().out
    assert main(["tiny_texts", "--nomber=6"]) == 1
    assert "--number" not in capsys.readouterr().err
    with pytest.raises(SourceError, match="one option is given as size and as number"):
        build("tiny_texts", tmp_path, number=6, size=4)


def test_builder_without_its_class_is_one_line(more, tmp_path, capsys):
    folder = write_dataset(more, "wrong_name", builder='"""Empty."""\n')

    assert main(["wrong_name", f"--data_dir={tmp_path}"]) == 1

    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: {folder}/builder.py: no class WrongName; ")


def test_folders_without_a_builder_are_no_data_sets(more):
    (more / "notes").mkdir(parents=True)
    (more / "not-a-name").mkdir()
    (more / "not-a-name" / "builder.py").write_text("")

    assert not {"notes", "not-a-name"} & set(dataset_names())


@pytest.mark.slow
def test_new_data_set_in_a_copy_of_the_package(tmp_path):
    """The same when the folder lies in the package itself, in a new process."""
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(REPOSITORY / "pipelines", tmp_path / "pipelines", ignore=ignore)
    write_dataset(tmp_path / "pipelines")
    for command in (["build", "tiny_texts", "--size=5"], ["verify", "data"]):
        result = subprocess.run(
            [sys.executable, "-m", f"pipelines.{command[0]}", *command[1:]],
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )
        assert result.returncode == 0, result.stderr
    assert "builds: 1, problems: 0" in result.stdout
