"""Progress: how far a training is, and what it has measured."""

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


# What JSON may hold for each attribute of a `Progress`. A metric need not be finite.
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
    """How far a training is, besides its variables. JSON can hold all of it.

    Attributes:
        epoch: number of epochs that are over, validation included.
        step: number of steps taken in the current epoch.
        sums: the training metrics of the current epoch, summed over its examples, by name: the
            loss over all of them, the others over those with a label, whose number is `labeled`.
        examples: number of these examples.
        history: a dictionary for each epoch that is over, from the names of metrics to values;
            those of the validation split begin with `val_`.
        seconds: time that training and validation have taken.
        waited: the part of it in which the devices waited for input.
        devices: names of the devices that did the last step.
        xla: whether it was compiled with XLA.
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
        """Returns the progress that `facts` returned.

        Args:
            facts: dictionary, as JSON gives it back.
            metrics: names of the metrics of the validation split that every epoch has to have.

        Raises:
            ValueError: if the dictionary is another.
        """
        if facts.keys() != _CHECKS.keys():
            raise ValueError(f"they are {', '.join(facts)}; expected {', '.join(_CHECKS)}")
        for name, is_right in _CHECKS.items():
            if not is_right(facts[name]):
                raise ValueError(f"{name} cannot be {facts[name]!r}")
        progress = cls(**facts)
        names = {frozenset(row) for row in progress.history}
        needed = {f"val_{metric}" for metric in metrics} if progress.history else set()
        if len(names) > 1 or not needed <= set().union(*names):
            raise ValueError(f"the epochs' metrics are {sorted(set().union(*names))}")
        if progress.epoch != len(progress.history):
            raise ValueError(f"epoch {progress.epoch} comes after {len(progress.history)} epochs")
        if progress.sums and not progress.examples:
            raise ValueError("there are sums of no examples")
        return progress

    def facts(self) -> dict[str, Any]:
        """Returns it as a dictionary, for `from_facts`."""
        return dataclasses.asdict(self)

    def steps_taken(self, steps_per_epoch: int) -> int:
        """Returns the number of steps taken in all epochs."""
        return self.epoch * steps_per_epoch + self.step

    def add_step(self, values: dict[str, float]) -> None:
        """Counts a step, given its batch's metrics and number of `examples`.

        If only some of these have a label, the number of those is `labeled`.
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
        # The first batches may have no label, and no sums.
        labeled = self.sums.get(_LABELED, self.examples) or 1.0
        return {
            name: total / (self.examples if name == "loss" else labeled)
            for name, total in sorted(self.sums.items())
            if name != _LABELED
        }

    def end_epoch(self, validation: dict[str, float]) -> None:
        """Counts an epoch, given the metrics of the validation split."""
        row = {**self.means(), **{f"val_{name}": v for name, v in sorted(validation.items())}}
        self.history.append(row)
        self.epoch += 1
        self.step, self.sums, self.examples = 0, {}, 0.0

    def best_epoch(self, metric: str, mode: str) -> int:
        """Returns the number of the best epoch, from 0; of equal ones that of the lowest loss.

        Args:
            metric: name of a metric of the validation split.
            mode: `"max"` or `"min"`.
        """
        sign = {"max": -1, "min": 1}[mode]
        ranks = [(sign * row[f"val_{metric}"], row["val_loss"]) for row in self.history]
        return min(range(len(ranks)), key=ranks.__getitem__)
