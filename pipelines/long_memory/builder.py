"""TFDS builder of generated problems whose answer depends on something far back."""

import hashlib
import itertools
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from pipelines.argument_checks import check_at_least
from pipelines.dataset_builder import DatasetBuilder
from pipelines.errors import SourceError
from pipelines.long_memory.problems import PROBLEMS, full_difficulty, generate

_CHUNK = 1024  # sequences drawn at once; another number would make other records


class LongMemory(DatasetBuilder):
    """Sequences of one problem, all of the same length; no sequence is in two splits.

    Args:
        problem: a key of `PROBLEMS`.
        length: total number of time steps.
        difficulty: number of symbols to copy or pairs to recall; 0 for the usual number. Adding and
            induction allow only 0.
        num_train: number of training sequences.
        num_validation: number of validation sequences.
        num_test: number of test sequences.
        seed: seed of the generator, at least 0.
        **kwargs: those of `tfds.core.GeneratorBasedBuilder`, such as `data_dir`.

    Raises:
        SourceError: if the problem does not allow an option's value, or has too few different
            sequences for disjoint splits.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First version."}
    OPTIONS = {
        "problem": "what to remember",
        "length": "total number of time steps",
        "difficulty": "number of symbols to copy (0: 10) or of pairs to recall (0: 8); only 0 for "
        "adding and induction",
        "num_train": "number of training sequences",
        "num_validation": "number of validation sequences",
        "num_test": "number of test sequences",
        "seed": "seed of the generator",
    }
    CHOICES = {"problem": tuple(PROBLEMS)}

    def __init__(
        self,
        *,
        problem: str = "adding",
        length: int = 200,
        difficulty: int = 0,
        num_train: int = 50_000,
        num_validation: int = 5_000,
        num_test: int = 5_000,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        self._check_choices(problem=problem)
        check_at_least(1, num_train=num_train, num_validation=num_validation, num_test=num_test)
        check_at_least(0, seed=seed)
        self._problem, self._length, self._seed = problem, length, seed
        self._difficulty = full_difficulty(problem, length, difficulty)
        self._counts = {"train": num_train, "validation": num_validation, "test": num_test}
        self._earlier: set[bytes] = set()  # hashes of the sequences in finished splits
        name = (
            f"{problem}_length_{length}_difficulty_{self._difficulty}_train_{num_train}"
            f"_validation_{num_validation}_test_{num_test}_seed_{seed}"
        )
        super().__init__(config=tfds.core.BuilderConfig(name=name), **kwargs)

    def _info(self):
        problem = PROBLEMS[self._problem]
        features = tfds.features
        integers = features.Tensor(shape=(None,), dtype=np.int32, encoding="bytes")
        if self._problem == "adding":
            sequence = features.Tensor(shape=(None, 2), dtype=np.float32, encoding="bytes")
            target = features.Scalar(np.float32)
        elif self._problem == "copy":
            # A Sequence of ClassLabel is slow to write with TFDS; metadata holds the class names.
            sequence, target = integers, integers
        else:
            sequence, target = integers, features.ClassLabel(names=list(problem.classes))
        return self.dataset_info_from_configs(
            features=features.FeaturesDict(
                {"sequence": sequence, "target": target, "id": features.Text()}
            ),
            supervised_keys=("sequence", "target"),
            metadata=tfds.core.MetadataDict(
                tokens=list(problem.tokens), classes=list(problem.classes)
            ),
        )

    def _split_generators(self, dl_manager):
        return {
            split: self._generate_examples(number, split, count)
            for number, (split, count) in enumerate(self._counts.items())
        }

    def _generate_examples(self, number, split, count):
        own = set()
        draws = itertools.islice(self._new_sequences(number, split), count)
        for index, (sequence, target, digest) in enumerate(draws):
            own.add(digest)
            key = f"{split}/{index}"
            yield key, {"sequence": sequence, "target": target, "id": key}
        self._earlier |= own

    def _new_sequences(self, number, split):
        """Yields (sequence, target, hash) without end; no sequence is in an earlier split."""
        for chunk in itertools.count():
            seed = np.random.SeedSequence(self._seed, spawn_key=(number, chunk))
            sequences, targets = generate(
                self._problem,
                _CHUNK,
                length=self._length,
                difficulty=self._difficulty,
                seed=seed,
            )
            digests = [hashlib.blake2b(row, digest_size=16).digest() for row in sequences]
            new = [row for row, digest in enumerate(digests) if digest not in self._earlier]
            if len(new) < _CHUNK // 2:
                raise SourceError(
                    f"{split}: most sequences of {self._problem} with length={self._length} and "
                    f"difficulty={self._difficulty} are in earlier splits, because there are few; "
                    "give a greater length or difficulty, or a smaller num_train"
                )
            for row in new:
                yield sequences[row], targets[row], digests[row]
