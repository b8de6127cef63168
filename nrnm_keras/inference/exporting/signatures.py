"""Signatures of an exported model: functions from named tensors to named tensors."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import tensorflow as tf

from nrnm_keras.inference.exporting.graphs import refuse_nan
from nrnm_keras.layers.at_least_one import at_least_one

if TYPE_CHECKING:
    from nrnm_keras.inference.trained_model import TrainedModel


class Signature(NamedTuple):
    """A function of a model.

    Attributes:
        name: `"serve"`, `"features"`, `"step"` or `"initial_state"`.
        function: a `tf.function` with one graph, whose arguments are the inputs in their order.
        inputs, outputs: `tf.TensorSpec` by name.
    """

    name: str
    function: Any
    inputs: dict
    outputs: dict

    @property
    def results(self) -> list[str]:
        """The names of the outputs that are not state."""
        return [name for name in self.outputs if name.removeprefix("next_") not in self.inputs]


def serve(trained: "TrainedModel") -> Signature:
    """Returns the signature from raw input to the results, with labels if there are classes."""

    def function(*raw):
        return trained.output.serve(trained.model(raw[0] if len(raw) == 1 else list(raw)))

    raw = trained.model.inputs
    return _signature("serve", function, {x.name: tf.TensorSpec(x.shape, x.dtype) for x in raw})


def features(trained: "TrainedModel", run_head: Callable[..., dict] | None = None) -> Signature:
    """Returns the signature from preprocessed tensors to the results.

    For texts the input is `token_ids` `(batch, timesteps)`, with 0 for padding. For others it is
    `features` `(batch, timesteps, features)` and their `mask`, False for steps to skip. They are
    what the network's head takes, or raw if the network is averaged with a linear classifier.

    Args:
        trained: a `TrainedModel`.
        run_head: function that replaces the head of the network, from the head's inputs to the
            results. Default: the head.
    """
    takes_ids, output = trained.modality.takes_ids, trained.output
    if trained.is_average:
        return _features_of_average(trained)

    def function(*inputs):
        timesteps = tf.shape(inputs[0])[1]
        if not output.step_is_result:  # ONNX cannot tag an empty sequence
            inputs = [at_least_one(each, 1) for each in inputs]
        sequences, *mask = trained.head_inputs(*inputs) if takes_ids else inputs
        mask = mask[0] if mask else None
        if run_head:
            values = run_head(sequences, mask)
        else:
            scores = trained.run_head(sequences, mask)
            values = output.of_network(scores, inputs[0] if takes_ids else None)
        if output.step_is_result:
            return values
        return {name: value[:, :timesteps] for name, value in values.items()}

    return _signature("features", function, trained.modality.feature_specs(_head_input(trained)))


def step(trained: "TrainedModel", batch_size: int | None = None) -> Signature:
    """Returns the signature from the next step and the state to the results and the new state.

    Args:
        trained: a `TrainedModel`.
        batch_size: integer. Default: any size.

    Raises:
        ValueError: if a layer needs whole sequences.
    """
    streaming = trained.streaming()
    next_step = trained.network.inputs[0]
    shape = (batch_size, *next_step.shape[2:])
    inputs = {streaming.step_name: tf.TensorSpec(shape, next_step.dtype)}
    for name, tensor in streaming.initial_state(1).items():
        inputs[name] = tf.TensorSpec((batch_size, *tensor.shape[1:]), tensor.dtype)

    def function(*tensors):
        return streaming(dict(zip(inputs, tensors, strict=True)))

    return _signature("step", function, inputs)


def step_of_tokens(trained: "TrainedModel") -> Signature:
    """Returns the `step` signature of texts, which takes tokens as strings instead of ids."""
    of_ids = step(trained)
    inputs = {"token": tf.TensorSpec((None,), tf.string), **of_ids.inputs}
    token_id = inputs.pop(trained.modality.step_name)

    def function(token, *state):
        return of_ids.function(tf.cast(trained.modality.lookup(token), token_id.dtype), *state)

    return _signature("step", function, inputs)


def add_step(written: dict, make: Callable, *arguments: Any, **options: Any) -> dict[str, str]:
    """Adds the signature `step` if possible; otherwise returns the reason, by its name."""
    try:
        written["step"] = make(*arguments, **options)
    except ValueError as error:
        return {"step": str(error)}
    return {}


def why_no_serve(trained: "TrainedModel", format_name: str) -> str:
    """Returns why a format without strings has no signature from raw input."""
    if trained.class_names or any(each.dtype == "string" for each in trained.model.inputs):
        return f"texts and labels are strings, which {format_name} does not support"
    return "`features` takes raw input"


def of_numbers(signature: Signature) -> Signature:
    """Returns a signature that raises an error instead of returning NaN."""
    results = [name for name in signature.results if signature.outputs[name].dtype.is_floating]

    def function(*tensors):
        outputs = signature.function(*tensors)
        return refuse_nan(outputs, [outputs[name] for name in results])

    return _signature(signature.name, function, signature.inputs)


def of_any_batch(signature: Signature) -> Signature:
    """Returns a signature that supports empty batches in runtimes that do not."""

    def function(*tensors):
        batch_size = tf.shape(tensors[0])[0]
        outputs = signature.function(*(at_least_one(tensor, 0) for tensor in tensors))
        return {name: output[:batch_size] for name, output in outputs.items()}

    return _signature(signature.name, function, signature.inputs)


def initial_state(trained: "TrainedModel") -> Signature:
    """Returns the signature from `batch_size` to the state before the first step.

    Raises:
        ValueError: if a layer needs whole sequences.
    """
    streaming = trained.streaming()
    return _signature(
        "initial_state", streaming.initial_state, {"batch_size": tf.TensorSpec((), tf.int32)}
    )


def _features_of_average(trained):
    """Returns the signature `features` of a model whose linear classifier takes raw input."""

    def function(sequences, mask=None):
        mask = None if mask is None else at_least_one(mask, 1)
        return trained.output.of_step(trained.average_scores(at_least_one(sequences, 1), mask))

    specs = trained.modality.feature_specs(trained.network.inputs[0])
    return _signature("features", function, specs)


def _head_input(trained):
    """Returns the symbolic input of the head."""
    inputs = trained.network.inputs[0]
    return trained.head_inputs(inputs)[0] if trained.encoder else inputs


def _signature(name, function, inputs):
    specs = [tf.TensorSpec(spec.shape, spec.dtype, name=n) for n, spec in inputs.items()]
    function = tf.function(function, input_signature=specs)
    outputs = function.get_concrete_function().structured_outputs
    return Signature(name, function, inputs, dict(outputs))
