"""TFDS builder of generated skeletons, with the features of `ntu_rgbd`."""

from typing import Any

from pipelines.ntu_rgbd.builder import NtuRgbd
from pipelines.ntu_rgbd.samples import ACTIONS as NTU_ACTIONS
from pipelines.ntu_sample.generate import ACTIONS, sample_names
from pipelines.ntu_sample.source import GeneratedSource


class NtuSample(NtuRgbd):
    """Generated skeleton sequences of twelve actions. They are not part of NTU RGB+D.

    Args:
        num_samples: number of samples, divided evenly among the actions.
        seed: seed of the generator, at least 0.
        num_processes: number of processes that generate; 0 for one per core.
        **kwargs: those of `tfds.core.ShardBasedBuilder`, such as `data_dir`.

    The splits are those of `ntu60`: see `pipelines.ntu_rgbd.samples.SPLITS`.
    """

    OPTIONS = {
        "num_samples": "number of samples",
        "seed": "seed of the generator",
        "num_processes": "number of processes that generate samples; 0 for one per core",
    }

    def __init__(
        self, *, num_samples: int = 1200, seed: int = 0, num_processes: int = 0, **kwargs: Any
    ) -> None:
        sample_names(num_samples, seed)  # checks both
        self._num_samples = num_samples
        self._seed = seed
        super().__init__(num_processes=num_processes, **kwargs)

    def warnings(self) -> list[str]:
        """Returns an empty list: there is no official data set to compare with."""
        return []

    def _config_name(self):
        return f"samples_{self._num_samples}_seed_{self._seed}"

    def _class_names(self):
        return tuple(NTU_ACTIONS[action - 1] for action in ACTIONS)

    def _open_source(self):
        return GeneratedSource(self._num_samples, self._seed)
