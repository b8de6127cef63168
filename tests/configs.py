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


# Flags of a training on texts that takes seconds.
SMALL_TEXT_RUN = (
    *("--task=text", "--settings=fixed", "--epochs=1", "--nobidirectional", "--embedding_size=4"),
    *("--units=4", "--num_layers=1", "--nrnm_layers=1", "--num_heads=2"),
    *("--block_size=4", "--stride=2"),
)
