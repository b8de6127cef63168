"""What every data set here adds to a TFDS builder."""

import tensorflow as tf
import tensorflow_datasets as tfds


class DatasetBuilder(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """A TFDS builder whose options are keyword arguments of its constructor.

    Attributes:
        OPTIONS: the constructor's own keyword arguments, each with one line of help. The build
            command makes a flag of each, an integer one where the default is an integer.

    Options that change the records belong into the builder config's name, hence into the path, so
    that a finished build is found again exactly when it is the one that was asked for.
    """

    OPTIONS: dict[str, str] = {}

    def _example_writer(self):
        return _DeterministicWriter(file_format=self.info.file_format)

    def warnings(self) -> list[str]:
        """Returns what a user should know about the finished build, one line each."""
        return []


class _DeterministicWriter(tfds.core.ExampleWriter):
    """Writes the features of every record in sorted order.

    TFDS serialises without asking for an order, and protobuf's then differs between processes.
    """

    def write(self, path, examples):
        def in_order(record):
            return tf.train.Example.FromString(record).SerializeToString(deterministic=True)

        return super().write(path, ((key, in_order(record)) for key, record in examples))
