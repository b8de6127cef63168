"""Records to batches, beside the training steps that consume the batches."""

import tempfile
from collections.abc import Iterator

from nrnm_keras.benchmark.options import Options
from nrnm_keras.benchmark.timing import Row, rows_in_turn

TITLE = "Input, for each batch of 64 generated records"
_BATCH_SIZE, _BATCHES = 64, 50


def rows(options: Options) -> Iterator[Row]:
    """Yields the rows of reviews and of skeletons: a training step, and the input of one."""
    from nrnm_keras.tasks import NtuSampleTask, SampleReviewsTask
    from nrnm_keras.tasks.built_records import find_records

    with tempfile.TemporaryDirectory() as folder:
        for name, task in (("reviews", SampleReviewsTask()), ("skeletons", NtuSampleTask())):
            found, records = find_records(task, folder)
            yield from _of(name, found.open(records), options)


def _of(name, task, options):
    from nrnm_keras.config import NetworkConfig
    from nrnm_keras.data.batches import TrainingBatches

    network = task.build_network(NetworkConfig())
    network.compile("adam", task.loss(), jit_compile=False)
    batches = TrainingBatches(task, _BATCH_SIZE, seed=0)
    batch = next(iter(batches.epoch(0)))
    step = f"{name}: training step of 3 layers of 256 units"
    (row,) = rows_in_turn({step: lambda: network.train_on_batch(*batch)}, options.repeats)
    yield row
    # Many at once: some are read ahead.
    unread = iter(batches.epoch(0).repeat())

    def read():
        for _ in range(_BATCHES):
            next(unread)

    (together,) = rows_in_turn({"": read}, options.repeats)
    seconds, spread = together.seconds / _BATCHES, together.spread / _BATCHES
    yield Row(f"{name}: a batch of records", seconds, spread, seconds / row.seconds)
