"""Base class of data sets that are built from a user's own files."""

import hashlib
import json
import pathlib
import re
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import tensorflow_datasets as tfds

from pipelines.dataset_builder import DatasetBuilder
from pipelines.errors import SourceError
from pipelines.escaping import listed, quoted
from pipelines.file_errors import reading
from pipelines.left_out import left_out_warnings, usable_examples
from pipelines.limits import in_bytes
from pipelines.paths import StrPath

UNLABELED = "unsupervised"
_INTEGER = re.compile(r"-?[0-9]{1,18}")


class LabeledFiles(DatasetBuilder):
    """Examples with class labels, from one file for each split.

    Args:
        train_file: path; its labels are the classes.
        validation_file: path, or None for no such split.
        test_file: path, or None for no such split.
        unlabeled_file: path of examples without labels, or None. They become the split
            `unsupervised`, in which every label is -1.
        source_limit_mb: size of the largest piece read at once, in MB; 0 for the usual bound.
        options: those of a subclass that change what is read from the files, and so the path.
        **kwargs: those of `tfds.core.GeneratorBasedBuilder`, such as `data_dir`.

    The build's path contains a hash of the files' content and type. A changed file is therefore
    built again, and an unchanged one is found again wherever it lies.

    Attributes:
        CONTENT: name of the feature that is neither label nor id.
        EXAMPLE: what an example is called. Default: the same.
        EMPTY: what examples that hold no data have in common.
        FORMATS: the file formats, for messages.

    Raises:
        SourceError: if a file cannot be read or has errors, there is only one class, or a label
            does not occur in the training file.
    """

    CONTENT: ClassVar[str]
    EXAMPLE: ClassVar[str | None] = None
    EMPTY: str = "without any number"
    FORMATS: ClassVar[str]

    def __init__(
        self,
        *,
        train_file: StrPath | None = None,
        validation_file: StrPath | None = None,
        test_file: StrPath | None = None,
        unlabeled_file: StrPath | None = None,
        source_limit_mb: int = 0,
        options: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        files = {
            "train": train_file,
            "validation": validation_file,
            "test": test_file,
            UNLABELED: unlabeled_file,
        }
        self._limit = in_bytes(source_limit_mb, None)
        if not train_file:
            raise SourceError(f"no train_file given; expected {self.FORMATS}")
        self._files = {
            split: pathlib.Path(path).expanduser() for split, path in files.items() if path
        }
        name = f"content_{content_hash(self._files, options)}"
        super().__init__(config=tfds.core.BuilderConfig(name=name), **kwargs)

    def _content_feature(self, path):
        """Returns the TFDS feature of the content of a training file."""
        raise NotImplementedError

    def _labels(self, path):
        """Returns the labels in a training file."""
        raise NotImplementedError

    def _label_feature(self, path):
        """Returns the TFDS feature of the labels. Default: the classes in the training file."""
        return tfds.features.ClassLabel(names=class_names(path, self._labels(path)))

    def _metadata(self, path):
        """Returns facts about the training file to keep with the records. Default: none."""
        return {}

    def _read(self, path, with_labels):
        """Yields (number in the file, place for messages, content, label or None).

        The content is None where an example holds no data; such an example is left out.
        """
        raise NotImplementedError

    def warnings(self) -> list[str]:
        """Returns a line about the examples that were left out because they hold no data."""
        return left_out_warnings(self, self.EMPTY)

    def _info(self):
        path = self._files["train"]
        features = {
            self.CONTENT: self._content_feature(path),
            "label": self._label_feature(path),
            "id": tfds.features.Text(),
        }
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(features),
            supervised_keys=(self.CONTENT, "label"),
            metadata=tfds.core.MetadataDict(self._metadata(path)),
        )

    def _split_generators(self, dl_manager):
        return {split: self._generate_examples(split, path) for split, path in self._files.items()}

    def _generate_examples(self, split, path):
        message = f"{path}: every {self.EXAMPLE or self.CONTENT} is {self.EMPTY}"
        return usable_examples(self, self._examples(split, path), message)

    def _examples(self, split, path):
        """Yields (place, key, example) of each example in a file."""
        classes = getattr(self.info.features["label"], "names", None)
        for number, place, content, label in self._read(path, split != UNLABELED):
            key = f"{split}/{number}"
            if content is None:
                yield place, key, None
                continue
            if split == UNLABELED:
                label = -1
            elif classes is not None and label not in classes:
                raise SourceError(
                    f"{place}: label {quoted(label)} does not occur in {self._files['train']}; "
                    f"it has: {listed(classes)}"
                )
            yield place, key, {self.CONTENT: content, "label": label, "id": key}


def class_names(path: StrPath, labels: Iterable[str]) -> list[str]:
    """Returns the classes of a training file: integers in numerical order, then the others.

    Args:
        path: the file, for the message.
        labels: the labels in the file.

    Raises:
        SourceError: if there is only one class.

    Example:

    >>> class_names("a.csv", ["10", "b", "9", "a", "9"])
    ['9', '10', 'a', 'b']
    """
    names = sorted(set(labels), key=_order)
    if len(names) < 2:
        label = quoted(names[0])
        raise SourceError(f"{path}: every label is {label}; expected at least two classes")
    return names


def content_hash(
    files: Mapping[str, pathlib.Path], options: Mapping[str, Any] | None = None
) -> str:
    """Returns 16 hexadecimal digits that identify the splits, file types and contents.

    Args:
        files: split -> path.
        options: those that change what is read from the files.

    Raises:
        SourceError: if a file cannot be read.
    """
    digest = hashlib.sha256()
    for split, path in files.items():
        with reading(path), path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        digest.update(f"{split} {path.suffix.lower()} {content}\n".encode())
    if options:
        digest.update(json.dumps(options, sort_keys=True).encode())
    return digest.hexdigest()[:16]


def _order(label):
    is_integer = _INTEGER.fullmatch(label)
    return not is_integer, int(label) if is_integer else 0, label
