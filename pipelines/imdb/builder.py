"""TFDS builder of the Large Movie Review Dataset."""

import pathlib
import shutil
from typing import Any

import numpy as np
import requests
import tensorflow_datasets as tfds

from pipelines.dataset_builder import DatasetBuilder
from pipelines.errors import SourceError
from pipelines.escaping import one_line
from pipelines.imdb.reviews import SPLITS, count_reviews, open_source, read_reviews
from pipelines.limits import REVIEW, option_help
from pipelines.paths import StrPath

URL = "https://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz"
NUM_REVIEWS = {"train": 25_000, "test": 25_000, "unsupervised": 50_000}


def review_features() -> tfds.features.FeaturesDict:
    """Returns the TFDS features of a labeled review."""
    return tfds.features.FeaturesDict(
        {
            "text": tfds.features.Text(),
            "label": tfds.features.ClassLabel(names=["neg", "pos"]),
            "rating": tfds.features.Scalar(np.int32),
            "id": tfds.features.Text(),
        }
    )


class Imdb(DatasetBuilder):
    """Movie reviews with a binary label.

    Args:
        source: an `aclImdb` folder, a folder that contains one, or its tar archive. Default:
            downloads the official archive and checks its SHA-256.
        source_limit_mb: size of the largest review in MB; 0 for the usual bound.
        **kwargs: those of `tfds.core.GeneratorBasedBuilder`, such as `data_dir`.

    The source is not part of the build's path: a build from another source is used as it is, with a
    warning.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First version."}
    OPTIONS = {
        "source": "aclImdb folder or its .tar, .tar.gz, .tar.xz; downloaded if not given",
        "source_limit_mb": option_help("review", REVIEW),
    }

    def __init__(
        self, *, source: StrPath | None = None, source_limit_mb: int = 0, **kwargs: Any
    ) -> None:
        self._set_source(source, source_limit_mb, REVIEW)
        super().__init__(**kwargs)

    def warnings(self) -> list[str]:
        """Returns how the build differs from the complete data set, and a source not read."""
        expected = {split: n for split, n in NUM_REVIEWS.items() if split in self.info.splits}
        differing = self._count_warnings(expected, "reviews")
        if "unsupervised" not in expected:
            differing.append("no train/unsup in the source: the split unsupervised is left out")
        return differing + self._source_warnings(self.info.metadata.get("source"))

    def _info(self):
        return self.dataset_info_from_configs(
            features=review_features(),
            supervised_keys=("text", "label"),
            homepage="https://ai.stanford.edu/~amaas/data/sentiment/",
            metadata=tfds.core.MetadataDict(source=self._source or URL),
        )

    def _split_generators(self, dl_manager):
        source = open_source(self._source or _download(dl_manager), self._limit)
        counts = count_reviews(source)
        return {
            split: self._generate_examples(source, split, counts[split])
            for split in SPLITS
            if split in counts
        }

    def _generate_examples(self, source, split, count):
        reviews = read_reviews(source, split)
        # Stops after the split's last review, without reading the archive to its end.
        for _, review in zip(range(count), reviews, strict=False):
            yield review.id, review._asdict()


def _download(dl_manager):
    """Returns the path of the official archive, and downloads it unless that was done before."""
    # Partial downloads of killed processes; no other process downloads here at the same time.
    for partial in pathlib.Path(dl_manager.download_dir).glob("*aclImdb*.tmp.*"):
        shutil.rmtree(partial, ignore_errors=True)
    try:
        if not any(pathlib.Path(dl_manager.download_dir).rglob("*aclImdb*.tar.gz")):
            # TFDS retries an unreachable host for minutes; this tries once.
            requests.head(URL, timeout=10, allow_redirects=True).raise_for_status()
        return dl_manager.download(URL)
    except (
        requests.RequestException,
        tfds.download.DownloadError,
        tfds.download.download_manager.NonMatchingChecksumError,
    ) as error:
        raise SourceError(
            f"the download of {URL} failed ({_reason(error)}); "
            "give the aclImdb folder or its archive as --source=PATH instead"
        ) from error


def _reason(error):
    if isinstance(error, requests.ConnectionError):
        return "no connection"
    return one_line(error)
