"""Generated problems whose answer is far back in the sequence."""

import keras
import tensorflow as tf
from absl import flags
from keras import layers

from nrnm_keras.data.records import Records
from nrnm_keras.tasks.classification import Classification
from nrnm_keras.tasks.regression import Regression
from nrnm_keras.tasks.step_classification import StepClassification
from nrnm_keras.tasks.task import Task
from nrnm_keras.tasks.token_embedding import token_network
from pipelines.long_memory.problems import PROBLEMS


def define_flags(values):
    """Defines the flags of the problems in an absl `FlagValues`."""

    def integer(name, default, text, lower_bound):
        flags.DEFINE_integer(name, default, text, lower_bound=lower_bound, flag_values=values)

    integer("problem_length", 200, "time steps of the generated sequences", 1)
    integer(
        "problem_difficulty", 0, "symbols to copy, or pairs to recall from; 0: the usual number", 0
    )
    integer("problem_train", 50_000, "number of generated sequences to train on", 1)
    integer("problem_test", 2_000, "number to validate on, and as many to test on", 1)
    integer("problem_seed", 0, "seed of the generated sequences", 0)


class _LongMemory(Task):
    """What the problems share.

    Args:
        path: folder of the built records, with features `sequence` and `target`.
        flags: the values of the command's flags.
    """

    dataset = "long_memory"
    sort_by_length = False  # there is one length
    problem: str

    def __init__(self, path, flags):
        self.records = Records(path)
        self.class_names = list(PROBLEMS[self.problem].classes)

    @classmethod
    def build_options(cls, flags):
        """Returns the problem and how it is drawn."""
        return {
            "problem": cls.problem,
            "length": flags.problem_length,
            "difficulty": flags.problem_difficulty,
            "num_train": flags.problem_train,
            "num_validation": flags.problem_test,
            "num_test": flags.problem_test,
            "seed": flags.problem_seed,
        }

    def examples(self, split, part=0, num_parts=1):
        """Returns the sequences `(timesteps, ...)` of a split with their targets."""
        records = self.records.read(split, part, num_parts)
        return records.map(lambda record: (record["sequence"], self.target(record))).cache()

    def target(self, record):
        """Returns the target of a record."""
        return record["target"]


class _Tokens(_LongMemory):
    """A problem on token ids whose answer is a class."""

    def build_network(self, flags):
        """Returns embedding and classifier: token ids to logits."""
        vocabulary_size = 1 + len(PROBLEMS[self.problem].tokens)
        return token_network(flags, vocabulary_size, self.build_classifier(flags))

    def build_exported(self, network):
        """Returns the model from token ids `(batch, timesteps)` to probabilities by class."""
        tokens = keras.Input((None,), dtype="int32", name="sequence")
        return self.build_probabilities(tokens, network(tokens))


class Adding(_LongMemory, Regression):
    """The adding problem: the sum of the two marked numbers."""

    problem = "adding"

    def build_network(self, flags):
        """Returns the network from values and markers `(batch, timesteps, 2)` to sums."""
        number = layers.Dense(1, dtype="float32")
        return keras.Sequential(
            [keras.Input((None, 2)), *self.vector_layers(flags), number], name="network"
        )


class CopyMemory(_Tokens, StepClassification):
    """Copy memory: after a long wait, the symbols from the start. The answer alone counts."""

    problem = "copy"

    def target(self, record):
        """Returns the symbols at the steps of the answer, -1 at the others."""
        return tf.where(record["target"] == 0, -1, record["target"])


class AssociativeRecall(_Tokens, Classification):
    """Associative recall: the value that came with a key."""

    problem = "associative_recall"


class InductionHead(_Tokens, Classification):
    """Induction head: the token that came after the trigger."""

    problem = "induction"
