"""Configurations of trainings by the names of their flags."""

from nrnm_keras.inference.run_config import parse_lines


def make_config(task, **options):
    """Returns the `TrainConfig` of a task's name and options by the names of their flags."""
    lines = [f"--{name}={value}" for name, value in options.items()]
    config, unknown = parse_lines([f"--task={task}", *lines])
    assert not unknown
    return config


def open_task(records, task, **options):
    """Returns the `OpenTask` on built records, and the `NetworkConfig`."""
    config = make_config(task, **options)
    return config.task.open(records), config.network
