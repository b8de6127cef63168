"""TFDS builder of generated reviews, with the features of `imdb`."""

from typing import Any

import tensorflow_datasets as tfds

from pipelines.argument_checks import check_at_least
from pipelines.dataset_builder import DatasetBuilder
from pipelines.imdb.builder import review_features
from pipelines.sample_reviews.generate import generate_reviews


class SampleReviews(DatasetBuilder):
    """Generated movie reviews. They are not part of IMDB.

    Args:
        num_train: number of training reviews, at least 2: one of each class.
        num_test: number of test reviews, at least 2.
        seed: seed of the generator.
        **kwargs: those of `tfds.core.GeneratorBasedBuilder`, such as `data_dir`.
    """

    VERSION = tfds.core.Version("2.0.0")
    RELEASE_NOTES = {"1.0.0": "First version.", "2.0.0": "Short reviews, and more words."}
    OPTIONS = {
        "num_train": "number of training reviews",
        "num_test": "number of test reviews",
        "seed": "seed of the generator",
    }

    def __init__(
        self, *, num_train: int = 6000, num_test: int = 1000, seed: int = 0, **kwargs: Any
    ) -> None:
        check_at_least(2, num_train=num_train, num_test=num_test)
        self._counts = {"train": num_train, "test": num_test}
        self._seed = seed
        name = f"train_{num_train}_test_{num_test}_seed_{seed}"
        super().__init__(config=tfds.core.BuilderConfig(name=name), **kwargs)

    def _info(self):
        return self.dataset_info_from_configs(
            features=review_features(),
            supervised_keys=("text", "label"),
        )

    def _split_generators(self, dl_manager):
        return {
            split: self._generate_examples(split, count) for split, count in self._counts.items()
        }

    def _generate_examples(self, split, count):
        for index, review in enumerate(generate_reviews(count, split=split, seed=self._seed)):
            key = f"{split}/{index}"
            yield (
                key,
                {"text": review.text, "label": review.label, "rating": review.rating, "id": key},
            )
