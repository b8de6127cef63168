"""TFDS builder of the Large Movie Review Dataset."""

import os
import pathlib
import shutil

import numpy as np
import requests
import tensorflow_datasets as tfds

from pipelines.dataset_builder import DatasetBuilder
from pipelines.errors import SourceError
from pipelines.imdb.reviews import SPLITS, count_reviews, open_source, read_reviews
from pipelines.limits import REVIEW, in_bytes, option_help

URL = "https://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz"
OFFICIAL_COUNTS = {"train": 25_000, "test": 25_000, "unsupervised": 50_000}


def review_features():
    """Returns the TFDS features of a labelled review."""
    return tfds.features.FeaturesDict(
        {
            "text": tfds.features.Text(),
            "label": tfds.features.ClassLabel(names=["neg", "pos"]),
            "rating": tfds.features.Scalar(np.int32),
            "id": tfds.features.Text(),
        }
    )


class Imdb(DatasetBuilder):
    """Film reviews with a binary label.

    Args:
        source: an `aclImdb` folder, a folder that contains one, or its tar archive; None downloads
            the official archive and checks its SHA-256.
        source_limit_mb: size of the largest review in MB; 0 is the usual bound.
        **kwargs: those of `tfds.core.GeneratorBasedBuilder`, such as `data_dir`.

    The source is not part of the build's path: there is one IMDB in a data folder. A build made
    from another source is used as it is, with a warning.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First version."}
    OPTIONS = {
        "source": "aclImdb folder or its .tar, .tar.gz, .tar.xz; downloaded if not given",
        "source_limit_mb": option_help("review", REVIEW),
    }

    def __init__(self, *, source=None, source_limit_mb=0, **kwargs):
        self._limit = in_bytes(source_limit_mb, REVIEW)
        self._source = os.path.abspath(os.path.expanduser(source)) if source else None
        super().__init__(**kwargs)

    def warnings(self):
        """Returns what differs from the official data set, and a source that was not read."""
        counts = {name: split.num_examples for name, split in self.info.splits.items()}
        differing = [
            f"split {split} has {counts[split]:,} reviews, the official one {official:,}"
            for split, official in OFFICIAL_COUNTS.items()
            if split in counts and counts[split] != official
        ]
        if "unsupervised" not in counts:
            differing.append("no train/unsup in the source: the split unsupervised is left out")
        return differing + self._other_source(self.info.metadata.get("source"))

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
        # An archive need not be read on to its end for reviews that are known not to come.
        for _, review in zip(range(count), reviews, strict=False):
            yield review.id, review._asdict()


def _download(dl_manager):
    """Returns the path of the official archive, downloaded unless it was before."""
    # What a killed process had of it by then; no other one downloads here at the same time.
    for partial in pathlib.Path(dl_manager.download_dir).glob("*aclImdb*.tmp.*"):
        shutil.rmtree(partial, ignore_errors=True)
    try:
        if not any(pathlib.Path(dl_manager.download_dir).rglob("*aclImdb*.tar.gz")):
            # TFDS retries an unreachable host for minutes; this asks once.
            requests.head(URL, timeout=10, allow_redirects=True).raise_for_status()
        return dl_manager.download(URL)
    except (
        requests.RequestException,
        tfds.download.DownloadError,
        tfds.download.download_manager.NonMatchingChecksumError,
    ) as error:
        raise SourceError(
            f"the download of {URL} failed ({_reason(error)}); "
            "--source=PATH takes the aclImdb folder or its archive instead"
        ) from error


def _reason(error):
    if isinstance(error, requests.ConnectionError):
        return "no connection"
    return " ".join(str(error).split())
