"""The options of a training."""

import dataclasses
import typing

from nrnm_keras.config.network import NetworkConfig
from nrnm_keras.config.options import Options, flag_name, option


@dataclasses.dataclass(frozen=True, kw_only=True)
class OptimizerConfig(Options):
    """Optimizer"""

    learning_rate: float = option(1e-3, "learning rate of Adam", minimum=0.0)
    learning_rate_schedule: str = option(
        "constant",
        "learning rate over time; cosine reaches zero after the last epoch",
        choices=("constant", "cosine"),
    )
    warmup_fraction: float = option(
        0.0,
        "fraction of all steps over which the learning rate rises from zero",
        minimum=0.0,
        maximum=0.9,
    )
    clip_norm: float = option(1.0, "largest global norm of the gradients; 0: no limit", minimum=0.0)
    ema_momentum: float = option(
        0.0,
        "momentum of the moving average of the weights that is validated and kept; 0: no average",
        minimum=0.0,
        maximum=0.9999,
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class DeviceConfig(Options):
    """Devices"""

    strategy: str = option(
        "auto",
        "which devices train; auto: all GPUs of this machine; multi_worker: those of all machines "
        "in TF_CONFIG",
        choices=("auto", "one_device", "mirrored", "multi_worker"),
    )
    xla: str = option(
        "auto",
        "whether TensorFlow compiles the training step; auto: on a single GPU",
        choices=("auto", "on", "off"),
    )
    cluster_timeout: int = option(
        600,
        "time that the processes of strategy=multi_worker wait for each other; allow the scheduler "
        "enough to start all machines of a job; 0: no limit",
        minimum=0,
        unit="seconds",
        changes_result=False,
    )
    cpu_devices: int = option(
        1, "logical devices that the CPU is split into, to try strategies out", minimum=1
    )
    input_shards: int = option(
        0,
        "shards that the training data are read in; with the same number, any number of processes "
        "sees the same batches; 0: one for each process",
        minimum=0,
        old_flags=("input_parts",),
    )
    mixed_precision: str = option(
        "none",
        "data type of the computations; none: float32; auto: bfloat16 where this machine computes "
        "it faster at the network's width, else float32",
        choices=("none", "auto", "bfloat16", "float16"),
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class ScheduleConfig(Options):
    """Training"""

    epochs: int = option(20, "largest number of epochs", minimum=1)
    patience: int = option(
        3,
        "number of epochs without improvement on the validation split after which training stops",
        minimum=1,
    )
    passes_per_epoch: int = option(
        1,
        "times that an epoch goes through the training examples; more save time if these are few",
        minimum=1,
        unit="passes",
    )
    batch_size: int = option(64, "size of a batch, over all devices", minimum=1, unit="examples")
    best_epoch_by: str = option(
        "metric",
        "what selects the best epoch on the validation split; the loss is steadier on few examples",
        choices=("metric", "loss"),
    )
    test: bool = option(
        True,
        "test on the test split at the end; --notest never reads it, for model selection",
    )
    seed: int = option(
        0, "seed of initial weights, shuffling and dropout", minimum=0, maximum=2**31 - 1
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunConfig(Options):
    """Run"""

    run_dir: str | None = option(
        None,
        "folder of the results; an unfinished run with the same options is resumed",
        changes_result=False,
    )
    overwrite: bool = option(False, "replace the run that run_dir holds", changes_result=False)
    data_dir: str = option("data", "folder of the records, which are built if they are missing")
    init_from: str | None = option(
        None,
        "folder of a finished language model's run, whose vocabulary, embedding and recurrent "
        "layers a text classifier starts from",
    )
    init_layers: str = option(
        "all",
        "what of the language model's run is taken: all of that, or not its recurrent layers, so "
        "that those may be of another kind and size",
        choices=("all", "embedding"),
    )
    checkpoint_every: int = option(
        200,
        "interval between checkpoints; another is saved after each epoch",
        minimum=1,
        unit="steps",
        changes_result=False,
    )
    time_limit: float = option(
        0.0,
        "time after which training stops; the same command resumes it; 0: no limit",
        minimum=0.0,
        unit="seconds",
        old_flags=("terminate_after",),
        changes_result=False,
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainConfig(RunConfig, ScheduleConfig):
    """The configuration of a training, as `nrnm_keras.train.train` takes it.

    Attributes:
        task: what is learned from which data, one of `nrnm_keras.tasks`.
        network: the recurrent network.
        optimizer: how its weights change.
        devices: the devices that compute it.
    """

    task: typing.Any
    network: NetworkConfig = dataclasses.field(default_factory=NetworkConfig)
    optimizer: OptimizerConfig = dataclasses.field(default_factory=OptimizerConfig)
    devices: DeviceConfig = dataclasses.field(default_factory=DeviceConfig)

    def parts(self) -> list[Options]:
        """Returns all groups of options: the training's own, then those that it holds."""
        return [self, self.task, self.network, self.optimizer, self.devices]

    def values(self) -> dict[str, typing.Any]:
        """Returns the values of all options by the names of their flags."""
        return {flag_name(field): value for field, value in self._fields()}

    def result_values(self) -> dict[str, typing.Any]:
        """Returns the values of the options that change the result."""
        fields = self._fields()
        return {flag_name(f): value for f, value in fields if f.metadata["changes_result"]}

    def given_values(self) -> dict[str, typing.Any]:
        """Returns the values of the options that were given one, by the names of their flags."""
        return {
            flag_name(field): getattr(part, field.name)
            for part in self.parts()
            for field in part.options()
            if field.name in part.given
        }

    def with_values(self, values: dict[str, typing.Any]) -> "TrainConfig":
        """Returns a copy with other values of some options, by the names of their flags."""
        _, *parts = (part.replace(**_own(part, values)) for part in self.parts())
        held = dict(zip(("task", "network", "optimizer", "devices"), parts, strict=True))
        return self.replace(**_own(self, values), **held)

    def _fields(self):
        for part in self.parts():
            for field in part.options():
                yield field, getattr(part, field.name)


def _own(part, values):
    """Returns the values of the options that a group declares, by the names of its fields."""
    names = {flag_name(field): field.name for field in part.options()}
    return {names[flag]: value for flag, value in values.items() if flag in names}
