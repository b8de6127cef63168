"""Progress: how far a training is, and what it has measured."""

import dataclasses


@dataclasses.dataclass
class Progress:
    """How far a training is, besides its variables. JSON can hold all of it.

    Attributes:
        epoch: number of epochs that are over, validation included.
        step: number of steps taken in the current epoch.
        sums: the training metrics of the current epoch, summed over its examples, by name.
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

    def facts(self):
        """Returns it as a dictionary, for `Progress(**facts)`."""
        return dataclasses.asdict(self)

    def add_step(self, values):
        """Counts a step, given its batch's metrics and number of `examples`."""
        examples = values["examples"]
        self.step += 1
        self.examples += examples
        for name, value in values.items():
            if name != "examples":
                self.sums[name] = self.sums.get(name, 0.0) + examples * value

    def means(self):
        """Returns the training metrics of the current epoch so far."""
        return {name: total / self.examples for name, total in sorted(self.sums.items())}

    def end_epoch(self, validation):
        """Counts an epoch, given the metrics of the validation split."""
        row = {**self.means(), **{f"val_{name}": v for name, v in sorted(validation.items())}}
        self.history.append(row)
        self.epoch += 1
        self.step, self.sums, self.examples = 0, {}, 0.0

    def best_epoch(self, metric, mode):
        """Returns the number of the best epoch, from 0; of equal ones that of the lowest loss.

        Args:
            metric: name of a metric of the validation split.
            mode: `"max"` or `"min"`.
        """
        sign = {"max": -1, "min": 1}[mode]
        ranks = [(sign * row[f"val_{metric}"], row["val_loss"]) for row in self.history]
        return min(range(len(ranks)), key=ranks.__getitem__)
