"""Progress: how far a training has come, and its metrics so far."""

import dataclasses
from collections.abc import Iterable
from typing import Any, Self

_LABELED = "labeled"


def _is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_count(value):
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_amount(value):
    return _is_number(value) and 0 <= value < 1e300


def _is_metrics(value):
    return isinstance(value, dict) and all(map(_is_number, value.values()))


def _is_history(value):
    return isinstance(value, list) and all(map(_is_metrics, value))


def _is_names(value):
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


# Checks of the JSON values of each attribute of a `Progress`. A metric need not be finite.
_CHECKS = {
    "epoch": _is_count,
    "step": _is_count,
    "sums": _is_metrics,
    "examples": _is_amount,
    "history": _is_history,
    "seconds": _is_amount,
    "waited": _is_amount,
    "devices": _is_names,
    "xla": lambda value: isinstance(value, bool),
}


@dataclasses.dataclass
class Progress:
    """The state of a training apart from its variables. It can be written as JSON.

    Attributes:
        epoch: number of finished epochs, including their validation.
        step: number of steps taken in the current epoch.
        sums: the training metrics of the current epoch by name, summed over its examples: the loss
            over all examples, other metrics over the labeled ones, which `labeled` counts.
        examples: number of examples in the current epoch so far.
        history: a dictionary for each finished epoch, from the names of metrics to their values.
            Names of validation metrics begin with `val_`.
        seconds: time spent in training and validation.
        waited: the part of `seconds` that the devices spent waiting for input.
        devices: names of the devices of the last step.
        xla: whether the step was compiled with XLA.
    """

    epoch: int = 0
    step: int = 0
    sums: dict = dataclasses.field(default_factory=dict)
    examples: float = 0.0
    history: list = dataclasses.field(default_factory=list)
    seconds: float = 0.0
    waited: float = 0.0
    devices: list = dataclasses.field(default_factory=list)
    xla: bool = False

    @classmethod
    def from_facts(cls, facts: dict[str, Any], metrics: Iterable[str] = ()) -> Self:
        """Returns the `Progress` of a dictionary from `facts`.

        Args:
            facts: dictionary, as read from JSON.
            metrics: names of the validation metrics that every epoch must have.

        Raises:
            ValueError: if the dictionary is not valid.
        """
        if facts.keys() != _CHECKS.keys():
            raise ValueError(f"their names are {', '.join(facts)}; expected {', '.join(_CHECKS)}")
        for name, is_right in _CHECKS.items():
            if not is_right(facts[name]):
                raise ValueError(f"{name} cannot be {facts[name]!r}")
        progress = cls(**facts)
        names = {frozenset(row) for row in progress.history}
        needed = {f"val_{metric}" for metric in metrics} if progress.history else set()
        if len(names) > 1 or not needed <= set().union(*names):
            raise ValueError(f"the epochs' metrics are {sorted(set().union(*names))}")
        if progress.epoch != len(progress.history):
            raise ValueError(f"epoch is {progress.epoch} after {len(progress.history)} epochs")
        if progress.sums and not progress.examples:
            raise ValueError("there are sums, but no examples")
        return progress

    def facts(self) -> dict[str, Any]:
        """Returns the progress as a dictionary, for `from_facts`."""
        return dataclasses.asdict(self)

    def steps_taken(self, steps_per_epoch: int) -> int:
        """Returns the number of steps taken in all epochs."""
        return self.epoch * steps_per_epoch + self.step

    def add_step(self, values: dict[str, float]) -> None:
        """Adds a step, given the metrics of its batch and its number of `examples`.

        If only some of the examples have a label, `labeled` is the number that do.
        """
        examples = values["examples"]
        labeled = values.get(_LABELED, examples)
        self.sums.setdefault(_LABELED, self.examples)
        self.step += 1
        self.examples += examples
        self.sums[_LABELED] += labeled
        for name, value in values.items():
            if name not in ("examples", _LABELED):
                count = examples if name == "loss" else labeled
                self.sums[name] = self.sums.get(name, 0.0) + count * value

    def means(self) -> dict[str, float]:
        """Returns the training metrics of the current epoch so far."""
        # If no example has had a label yet, all sums of labeled examples are 0.
        labeled = self.sums.get(_LABELED, self.examples) or 1.0
        return {
            name: total / (self.examples if name == "loss" else labeled)
            for name, total in sorted(self.sums.items())
            if name != _LABELED
        }

    def end_epoch(self, validation: dict[str, float]) -> None:
        """Ends an epoch, given the metrics of the validation split."""
        row = {**self.means(), **{f"val_{name}": v for name, v in sorted(validation.items())}}
        self.history.append(row)
        self.epoch += 1
        self.step, self.sums, self.examples = 0, {}, 0.0

    def best_epoch(self, metric: str, mode: str) -> int:
        """Returns the index of the best epoch; the validation loss breaks ties.

        Args:
            metric: name of a metric of the validation split.
            mode: `"max"` or `"min"`.
        """
        sign = {"max": -1, "min": 1}[mode]
        ranks = [(sign * row[f"val_{metric}"], row["val_loss"]) for row in self.history]
        return min(range(len(ranks)), key=ranks.__getitem__)
