import keras
import numpy as np
import pytest
import tensorflow as tf

from nrnm_keras.config import DeviceConfig
from nrnm_keras.train.strategy import create_replicas


def test_gradient_is_clipped_by_its_norm_though_a_token_comes_often():
    """The gradient of an embedding has a row for each occurrence: not those are what is limited."""
    embedding = keras.layers.Embedding(5, 3)
    network = keras.Sequential(
        [keras.Input((None,), dtype="int32"), embedding, keras.layers.GlobalAveragePooling1D()]
    )
    batch = (tf.fill((2, 8), 1), tf.constant([0, 1]), tf.ones(2))
    spec = tuple(tf.TensorSpec(column.shape, column.dtype) for column in batch)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    before = embedding.get_weights()[0]
    replicas = create_replicas(DeviceConfig(strategy="one_device", xla="off"), batch_size=2)
    replicas.compile(network, keras.optimizers.SGD(1.0, global_clipnorm=0.01), loss, [], spec)
    replicas.train_on_batch(*batch)
    change = np.linalg.norm(embedding.get_weights()[0] - before)
    assert change == pytest.approx(0.01, rel=1e-4)
