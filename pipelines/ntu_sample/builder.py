"""TFDS builder of generated skeletons, with the features of `ntu_rgbd`."""

from pipelines.ntu_rgbd.builder import NtuRgbd
from pipelines.ntu_rgbd.samples import ACTIONS as NTU_ACTIONS
from pipelines.ntu_sample.generate import ACTIONS, sample_names
from pipelines.ntu_sample.source import GeneratedSource


class NtuSample(NtuRgbd):
    """Generated skeleton sequences of twelve actions: nothing to download, and not NTU RGB+D.

    Args:
        num_samples: number of samples, of each action about as many.
        seed: integer; another seed makes other samples.
        num_processes: how many processes generate; 0 means as many as there are cores.
        **kwargs: those of `tfds.core.ShardBasedBuilder`, such as `data_dir`.

    Split as `ntu60`: see `pipelines.ntu_rgbd.samples.SPLITS`.
    """

    OPTIONS = {
        "num_samples": "number of samples",
        "seed": "another seed makes other samples",
        "num_processes": NtuRgbd.OPTIONS["num_processes"],
    }

    def __init__(self, *, num_samples=1200, seed=0, num_processes=0, **kwargs):
        sample_names(num_samples, seed)  # checks both
        self._num_samples = num_samples
        self._seed = seed
        super().__init__(num_processes=num_processes, **kwargs)

    def warnings(self):
        """Returns nothing: there is no official data set to differ from."""
        return []

    def _config_name(self):
        return f"samples_{self._num_samples}_seed_{self._seed}"

    def _class_names(self):
        return tuple(NTU_ACTIONS[action - 1] for action in ACTIONS)

    def _open_source(self):
        return GeneratedSource(self._num_samples, self._seed)
