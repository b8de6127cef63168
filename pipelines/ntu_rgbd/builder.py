"""TFDS builder of NTU RGB+D and NTU RGB+D 120."""

import contextlib
import functools
import itertools
from typing import Any

import numpy as np
import tensorflow_datasets as tfds
from tqdm.auto import tqdm

from pipelines.argument_checks import check_at_least
from pipelines.dataset_builder import ShardedDatasetBuilder
from pipelines.errors import SourceError
from pipelines.limits import SKELETON_FILE, option_help
from pipelines.ntu_rgbd.beam import with_beam
from pipelines.ntu_rgbd.examples import BODIES, read_example
from pipelines.ntu_rgbd.parallel import map_in_processes, num_cores
from pipelines.ntu_rgbd.report import FILE_NAME, make_report, read_report, summarize, write_report
from pipelines.ntu_rgbd.samples import ACTIONS, read_missing_list
from pipelines.ntu_rgbd.selection import MISSING_LISTS, find_missing_list, select_files
from pipelines.ntu_rgbd.shards import Shard, divide
from pipelines.ntu_rgbd.source import open_source
from pipelines.paths import StrPath, absolute

OFFICIAL_COUNTS = {"ntu60": 56_578, "ntu120": 113_945}
_NUM_CLASSES = {"ntu60": 60, "ntu120": 120}
_SPLIT = "samples"
_BEAM_NOTES = "*.shard_infos.json"  # TFDS leaves these files behind
_ADVICE = (
    "; the official list of missing skeletons names such samples: give it as --missing_samples=PATH"
)


class NtuRgbd(ShardedDatasetBuilder):
    """Skeleton sequences of 60 or 120 actions, with one or two bodies each.

    Args:
        source: a folder of `.skeleton` files, one of the original zip archives, or a folder of
            those archives.
        config: "ntu60" for actions 1 to 60, or "ntu120" for all.
        bodies: "tracked" tracks the bodies by their ids; "authors" is the common preparation, which
            uses their position in the file and keeps 100 frames.
        on_error: what happens at a damaged file: "fail" ends the build, "skip" omits and reports
            the file.
        missing_samples: the official list of samples to exclude. Default: the file with the
            official name in the source's folder, if there is one.
        num_processes: number of processes that read files; 0 for one per core.
        beam_runner: name of an Apache Beam runner that builds instead; "FnApiRunner" is local.
        beam_options: the runner's options, such as "flink_master=host:8081,parallelism=64".
        source_limit_mb: size of the largest skeleton file in MB; 0 for the usual bound.
        **kwargs: those of `tfds.core.ShardBasedBuilder`, such as `data_dir`.

    There is one TFDS split, `samples`; `pipelines.ntu_rgbd.samples.SPLITS` tells which of its
    records are for training. The build's path contains `config` and `bodies` but not the source: a
    build from another source is used as it is, with a warning. The file `exclusions.json` beside
    the records names every sample that is not among them: those on the official list, those without
    one usable joint, those of other actions, and damaged ones.

    Raises:
        SourceError: for an invalid option, a source without samples, or a damaged file.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First version."}
    OPTIONS = {
        "source": "folder of .skeleton files, original .zip archive, or folder of the archives",
        "config": "60 or 120 actions",
        "bodies": "tracked by their ids, or prepared as by the data set's authors",
        "on_error": "at a damaged file, end the build, or omit and report the file",
        "missing_samples": "official list of samples to exclude; by default, if in the source",
        "num_processes": "number of processes that read files; 0 for one per core",
        "beam_runner": "Apache Beam runner that builds instead; FnApiRunner is local",
        "beam_options": "the runner's options, such as flink_master=host:8081,parallelism=64",
        "source_limit_mb": option_help("skeleton file", SKELETON_FILE),
    }
    CHOICES = {
        "config": tuple(_NUM_CLASSES),
        "bodies": tuple(BODIES),
        "on_error": ("fail", "skip"),
    }

    def __init__(
        self,
        *,
        source: StrPath | None = None,
        config: str = "ntu60",
        bodies: str = "tracked",
        on_error: str = "fail",
        missing_samples: StrPath | None = None,
        num_processes: int = 0,
        beam_runner: str | None = None,
        beam_options: str | None = None,
        source_limit_mb: int = 0,
        **kwargs: Any,
    ) -> None:
        self._check_choices(config=config, bodies=bodies, on_error=on_error)
        check_at_least(0, num_processes=num_processes)
        self._set_source(source, source_limit_mb, SKELETON_FILE)
        self._actions = config
        self._bodies = bodies
        self._on_error = on_error
        self._missing_samples = missing_samples
        self._num_processes = num_processes or num_cores()
        self._beam_runner = beam_runner
        self._beam_options = beam_options
        name = self._config_name()
        super().__init__(config=tfds.core.BuilderConfig(name=name), **kwargs)

    def _config_name(self):
        """Returns the part of the path that distinguishes builds of the data set."""
        return f"{self._actions}_{self._bodies}"

    def _class_names(self):
        """Returns the names of the actions to keep, in the order of their labels."""
        return ACTIONS[: _NUM_CLASSES[self._actions]]

    def _open_source(self):
        """Returns the source of the skeleton files, as in `pipelines.ntu_rgbd.source`."""
        return open_source(self._given_source(), self._limit)

    def warnings(self) -> list[str]:
        """Returns how the build differs from the official data set, and a source not read."""
        report = self.report()
        differing = []
        if report["written"] != OFFICIAL_COUNTS[self._actions]:
            differing.append(
                f"{report['written']:,} samples; the official {self._actions} has "
                f"{OFFICIAL_COUNTS[self._actions]:,}"
            )
        if report["missing_samples"] is None:
            differing.append(
                "the official list of missing samples was neither given (--missing_samples) nor "
                f"found in the source as {MISSING_LISTS[self._actions][0]}"
            )
        return differing + self._source_warnings(report["source"])

    def summary(self) -> list[str]:
        """Returns the numbers of samples written and excluded, with a few names."""
        lines = summarize(self.report())
        if len(lines) > 1:
            lines.append(f"all names and faults: {self.data_path / FILE_NAME}")
        return lines

    def label_counts(self, split: str) -> dict[int, int]:
        """Returns label -> number of examples of the split, as the build counted them."""
        counts = self.report()["written_by_action"]
        return {self._class_names().index(action): number for action, number in counts.items()}

    def report(self) -> dict[str, Any]:
        """Returns the content of a finished build's `exclusions.json`."""
        return read_report(self.data_path)

    def _info(self):
        def tensor(*shape, dtype):
            return tfds.features.Tensor(shape=shape, dtype=dtype, encoding="bytes")

        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(
                {
                    "joints": tensor(None, 2, 25, 3, dtype=np.float32),
                    "presence": tensor(None, 2, dtype=np.bool_),
                    "tracking_state": tensor(None, 2, 25, dtype=np.uint8),
                    "label": tfds.features.ClassLabel(names=list(self._class_names())),
                    "setup": tfds.features.Scalar(np.int32),
                    "camera": tfds.features.Scalar(np.int32),
                    "subject": tfds.features.Scalar(np.int32),
                    "replication": tfds.features.Scalar(np.int32),
                    "name": tfds.features.Text(),
                }
            ),
            supervised_keys=("joints", "label"),
            homepage="https://rose1.ntu.edu.sg/dataset/actionRecognition/",
        )

    def _shard_iterators_per_split(self, dl_manager):
        return {_SPLIT: self._shards}

    def _download_and_prepare(self, dl_manager, download_config=None):
        """Writes the shards; `_finish_build` follows."""
        source = self._open_source()
        missing_list = self._find_missing_list()
        missing = read_missing_list(missing_list) if missing_list else frozenset()
        selection = select_files(source, self._class_names(), missing)
        self._check(source, selection)
        if self._beam_runner:
            download_config = with_beam(download_config, self._beam_runner, self._beam_options)
        with self._reading(selection.files, bool(missing_list)) as read:
            self._shards = [
                Shard(files, read, self._on_error, self.data_path / f"damaged_{number}.json")
                for number, files in enumerate(divide(selection.files))
            ]
            self._read_from = source, missing_list, selection
            try:
                super()._download_and_prepare(dl_manager, download_config)
            except Exception as error:
                self._raise_damage(error)
                raise

    def _finish_build(self):
        source, missing_list, selection = self._read_from
        written = self.info.splits.total_num_examples
        report = make_report(selection, *self._finish_shards(), written)
        self._check(source, selection, report)
        write_report(
            {"source": source.path, "missing_samples": missing_list, **report}, self.data_path
        )

    def _find_missing_list(self):
        """Returns the path of the official list of missing samples, None if there is none."""
        if self._missing_samples:
            return absolute(self._missing_samples)
        return find_missing_list(self._source, self._actions) if self._source else None

    def _check(self, source, selection, report=None):
        """Raises a `SourceError` if a wrong name ends the build, or if no samples are left."""
        if self._on_error == "fail":
            for reason in selection.misnamed.values():
                raise SourceError(reason)
        report = report or make_report(selection, {}, [], len(selection.files))
        if not report["written"]:
            raise SourceError(f"{source.path}: no samples left; {'; '.join(summarize(report))}")

    @contextlib.contextmanager
    def _reading(self, files, has_missing_list):
        """Yields a function from a shard's files to their examples."""
        advice = "" if has_missing_list else _ADVICE
        read = functools.partial(read_example, bodies=self._bodies, advice=advice)
        if self._beam_runner:
            yield functools.partial(map, read)
            return
        processes = min(self._num_processes, len(files))
        with (
            contextlib.closing(map_in_processes(read, files, processes)) as outcomes,
            tqdm(outcomes, f"Building {self.name}", len(files), unit=" files", leave=False) as bar,
        ):
            outcomes = iter(bar)
            yield lambda part: itertools.islice(outcomes, len(part))

    def _raise_damage(self, error):
        """Raises the damage that ended the build, which Beam wraps in errors of its own."""
        for shard in self._shards if self._on_error == "fail" else ():
            for reason in shard.damaged().values():
                raise SourceError(reason) from error

    def _finish_shards(self):
        """Returns the damaged samples and those without joints; removes the shards' notes."""
        damaged = [shard.damaged() for shard in self._shards]
        without_joints = [shard.without_joints() for shard in self._shards]
        lengths = [
            len(shard.files) - len(one) - len(other)
            for shard, one, other in zip(self._shards, damaged, without_joints, strict=True)
        ]
        # With Beam, TFDS sorts the shards' lengths alphabetically: 0, 1, 10, 11, 2.
        split = self.info.splits[_SPLIT].replace(shard_lengths=lengths)
        self.info.set_splits(tfds.core.splits.SplitDict([split]))
        for note in [*(shard.report for shard in self._shards), *self.data_path.glob(_BEAM_NOTES)]:
            note.unlink()
        reasons = {name: reason for part in damaged for name, reason in part.items()}
        return reasons, [name for part in without_joints for name in part]
