"""CompiledNetwork: a network with its optimizer, ready for one training or several."""

from typing import TYPE_CHECKING

import keras

from nrnm_keras.config import TrainConfig
from nrnm_keras.data.batches import TrainingBatches
from nrnm_keras.tasks.heads.open_task import OpenTask
from nrnm_keras.train.optimizer import LearningRate, create_optimizer
from nrnm_keras.train.pretrained import Pretrained

if TYPE_CHECKING:
    from nrnm_keras.train.jax_replicas import JaxReplicas
    from nrnm_keras.train.replicas import Replicas


class CompiledNetwork:
    """The network of a task with its optimizer.

    Compiling takes longer than training on a few examples, so that the trainings of a
    cross-validation share one.

    Args:
        replicas: the `Replicas` or `JaxReplicas`.
        pretrained: the `Pretrained` that the network starts from, or None.
        is_shared: whether several trainings use it. Then it keeps its first weights.

    Attributes:
        network: the model to train. It is there after `prepare`.
        variables: the variables of the network and the optimizer.
    """

    network: keras.Model
    variables: list[keras.Variable]

    def __init__(
        self,
        replicas: "Replicas | JaxReplicas",
        pretrained: Pretrained | None = None,
        is_shared: bool = False,
    ) -> None:
        self._replicas = replicas
        self._pretrained = pretrained
        self._is_shared = is_shared
        self._spec = None

    def prepare(self, task: OpenTask, config: TrainConfig, batches: TrainingBatches) -> None:
        """Makes the network ready for a training, with its first weights.

        The second training, and each later one, must be of the same task and configuration, and
        begins with the weights of the first.

        Args:
            task: the `OpenTask`.
            config: the `TrainConfig`.
            batches: the `TrainingBatches`.
        """
        num_steps = batches.steps * config.epochs
        if self._spec is None:
            self._compile(task, config, batches.element_spec, num_steps)
            return
        if batches.element_spec != self._spec:
            raise ValueError(f"the batches are {batches.element_spec}; expected {self._spec}")
        for variable, value in zip(self.variables, self._first_values, strict=True):
            variable.assign(value)
        self._learning_rate.span(num_steps)
        self._replicas.restart()

    def _compile(self, task, config, spec, num_steps):
        replicas = self._replicas
        with replicas.scope():
            network = task.build_network(config.network)
            if self._pretrained:
                self._pretrained.copy_to(*task.encoder_of(network))
            self.network = task.build_trained(network)
            self._learning_rate = LearningRate(config.optimizer, num_steps)
            shares = replicas.clipping_shares
            optimizer = create_optimizer(config.optimizer, self._learning_rate, shares)
            replicas.compile(self.network, optimizer, task.loss(), task.metrics(), spec)
        self.variables = [*self.network.variables, *self.network.optimizer.variables]
        self._spec = spec
        if self._is_shared:
            self._first_values = [keras.ops.convert_to_numpy(each) for each in self.variables]
