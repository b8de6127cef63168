"""TFDS builder of ListOps."""

import itertools
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from pipelines.argument_checks import check_at_least
from pipelines.dataset_builder import DatasetBuilder
from pipelines.errors import SourceError
from pipelines.listops.expressions import DIGITS, TOKENS, draw_expression

_MOST_REPEATED = 1000


class Listops(DatasetBuilder):
    """Nested operations on lists of digits; no expression occurs twice.

    Args:
        min_length: smallest number of tokens of an expression.
        max_length: largest number of tokens.
        max_depth: largest depth of an expression.
        max_arguments: largest number of arguments of an operation.
        num_train: number of training expressions.
        num_validation: number of validation expressions.
        num_test: number of test expressions.
        seed: seed of the generator, at least 0.
        **kwargs: those of `tfds.core.GeneratorBasedBuilder`, such as `data_dir`.

    Raises:
        SourceError: if an option's value is out of range, or there are next to no expressions with
            these options.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First version."}
    OPTIONS = {
        "min_length": "smallest number of tokens of an expression",
        "max_length": "largest number of tokens of an expression",
        "max_depth": "largest depth of an expression",
        "max_arguments": "largest number of arguments of an operation",
        "num_train": "number of training expressions",
        "num_validation": "number of validation expressions",
        "num_test": "number of test expressions",
        "seed": "seed of the generator",
    }

    def __init__(
        self,
        *,
        min_length: int = 500,
        max_length: int = 2000,
        max_depth: int = 10,
        max_arguments: int = 10,
        num_train: int = 96_000,
        num_validation: int = 2_000,
        num_test: int = 2_000,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        check_at_least(1, num_train=num_train, num_validation=num_validation, num_test=num_test)
        check_at_least(1, min_length=min_length, max_depth=max_depth)
        check_at_least(2, max_arguments=max_arguments)
        check_at_least(min_length, max_length=max_length)
        check_at_least(0, seed=seed)
        self._sizes = {
            "min_length": min_length,
            "max_length": max_length,
            "max_depth": max_depth,
            "max_arguments": max_arguments,
        }
        self._seed = seed
        self._counts = {"train": num_train, "validation": num_validation, "test": num_test}
        self._earlier: set[bytes] = set()
        numbers = {**self._sizes, **self._counts, "seed": seed}
        name = "_".join(f"{name}_{number}" for name, number in numbers.items())
        super().__init__(config=tfds.core.BuilderConfig(name=name), **kwargs)

    def _info(self):
        features = {
            "sequence": tfds.features.Tensor(shape=(None,), dtype=np.int32, encoding="bytes"),
            "target": tfds.features.ClassLabel(names=list(DIGITS)),
            "id": tfds.features.Text(),
        }
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(features),
            supervised_keys=("sequence", "target"),
            metadata=tfds.core.MetadataDict(tokens=list(TOKENS), classes=list(DIGITS)),
        )

    def _split_generators(self, dl_manager):
        return {
            split: self._generate_examples(split, count) for split, count in self._counts.items()
        }

    def _generate_examples(self, split, count):
        for index, (tokens, value) in enumerate(itertools.islice(self._new(split), count)):
            key = f"{split}/{index}"
            yield key, {"sequence": np.array(tokens, np.int32), "target": value, "id": key}

    def _new(self, split):
        """Yields expressions that did not occur before, without end."""
        repeated = 0
        for number in itertools.count():
            tokens, value = draw_expression(f"{self._seed}/{split}/{number}", **self._sizes)
            if (key := bytes(tokens)) not in self._earlier:
                self._earlier.add(key)
                repeated = 0
                yield tokens, value
            elif (repeated := repeated + 1) == _MOST_REPEATED:
                raise SourceError(
                    f"{split}: there are hardly more than {len(self._earlier):,} different "
                    f"expressions of up to {self._sizes['max_length']} tokens; give a greater "
                    "max_length, or a smaller num_train"
                )
