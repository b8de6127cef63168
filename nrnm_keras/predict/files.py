"""Predictions for files of inputs."""

import os
import pathlib
from collections.abc import Callable

from nrnm_keras.inference.batches import predict_each
from nrnm_keras.inference.raw_inputs import Inputs, read_inputs
from nrnm_keras.inference.trained_model import TrainedModel
from nrnm_keras.predict.results import check_output, open_results


def predict_file(
    trained: TrainedModel,
    source: str | os.PathLike | Inputs,
    output: str | os.PathLike,
    batch_size: int = 32,
    on_batch: Callable[[int], None] = lambda size: None,
) -> int:
    """Predicts for the inputs in a file and writes the results to another file.

    The output file appears when it is complete. For inputs in memory, use `TrainedModel.predict`.

    Args:
        trained: a `TrainedModel`.
        source: a file or folder for `read_inputs`, or the `Inputs` that it returned.
        output: file that ends in `.csv` or `.jsonl`.
        batch_size: positive integer.
        on_batch: function that is called with the size of each finished batch.

    Returns:
        The number of inputs.

    Raises:
        UsageError: if the input or output cannot be used, or a prediction is not finite.
        SourceError: if a file cannot be read.
    """
    output = pathlib.Path(output).expanduser()
    check_output(output, None if isinstance(source, Inputs) else source)
    inputs = source if isinstance(source, Inputs) else read_inputs(source, trained)
    with open_results(output, trained.output, inputs.naming, inputs.other_columns) as results:
        predicted = predict_each(trained, inputs.read(), batch_size, on_batch)
        # Not strict: inputs without other columns repeat an empty dictionary.
        for (name, row), others in zip(predicted, inputs.read_others(), strict=False):
            results.write(name, row, others)
    return inputs.count
