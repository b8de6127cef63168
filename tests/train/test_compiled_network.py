"""One compiled network in several trainings."""

import keras
import numpy as np
import pytest

from nrnm_keras.config import DeviceConfig, NetworkConfig
from nrnm_keras.data.batches import TrainingBatches
from nrnm_keras.train import TextTask, TrainConfig
from nrnm_keras.train.compiled_network import CompiledNetwork
from nrnm_keras.train.strategy import create_replicas

ROWS = [(f"{'good' if i % 2 else 'bad'} film {i % 5}", str(i % 2)) for i in range(20)]
BATCH = 4


@pytest.fixture
def opened(build_records):
    task = TextTask(embedding_size=4, settings="fixed", folds=2)
    return task.open(build_records(train=ROWS))


def trained(compiled, task, num_epochs, replicas):
    """The weights after an epoch of a training that would have so many."""
    network = NetworkConfig(model="gru", units=4, num_layers=1, head_dropout=0.5)
    config = TrainConfig(task=task.task, network=network, run_dir="unused", epochs=num_epochs)
    config = config.replace(
        optimizer=config.optimizer.replace(learning_rate_schedule="cosine", ema_momentum=0.5)
    )
    batches = TrainingBatches(task, BATCH, seed=0)
    compiled.prepare(task, config, batches)
    for batch in batches.epoch(0):
        replicas.train_on_batch(*batch)
    return [keras.ops.convert_to_numpy(variable) for variable in compiled.variables]


def test_a_training_is_the_same_after_others(opened):
    replicas = create_replicas(DeviceConfig(strategy="one_device", xla="off"), BATCH)
    keras.utils.set_random_seed(0)
    shared = CompiledNetwork(replicas, is_shared=True)
    trained(shared, opened.fold(0), 5, replicas)
    after_another = trained(shared, opened.fold(1), 2, replicas)
    keras.utils.set_random_seed(0)
    alone = trained(CompiledNetwork(replicas), opened.fold(1), 2, replicas)
    for one, other in zip(after_another, alone, strict=True):
        np.testing.assert_array_equal(one, other)
