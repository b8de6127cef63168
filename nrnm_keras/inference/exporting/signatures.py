"""What an exported model offers: functions from named tensors to named tensors."""

from typing import Any, NamedTuple

import keras
import tensorflow as tf

from nrnm_keras.inference.exporting.graphs import refuse_nan
from nrnm_keras.inference.trained_model import TEXT
from nrnm_keras.layers.at_least_one import at_least_one


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


def serve(trained):
    """Returns the signature from raw input to `label`, `probabilities` and `classes`.

    `classes` repeats the class names in every row, so that each row of an answer stands for itself.
    """
    (raw,) = trained.model.inputs
    names = tf.constant(trained.class_names)

    def function(raw):
        probabilities = tf.stack([trained.model(raw)[n] for n in trained.class_names], axis=-1)
        return {
            "label": tf.gather(names, tf.argmax(probabilities, axis=-1)),
            "probabilities": tf.cast(probabilities, tf.float32),
            "classes": tf.repeat(names[tf.newaxis], tf.shape(probabilities)[0], axis=0),
        }

    return _signature("serve", function, {raw.name: tf.TensorSpec(raw.shape, raw.dtype)})


def features(trained, classify=None):
    """Returns the signature from preprocessed tensors to `probabilities`.

    These are `token_ids` `(batch, timesteps)` of texts, 0 for padding; of other input, `features`
    `(batch, timesteps, features)` with their `mask`, False for steps to pass over.

    Args:
        trained: a `TrainedModel`.
        classify: function that stands in for the classifier's `call`. Default: the classifier.
    """
    classify = classify or trained.classifier
    if trained.kind == TEXT:

        def function(token_ids):
            x, mask = trained.classifier_inputs_of_encoded(token_ids)
            return {"probabilities": tf.nn.softmax(classify(x, mask=mask))}

        return _signature("features", function, {"token_ids": _spec(None, None, dtype=tf.int32)})

    def function(features, mask):
        return {"probabilities": tf.nn.softmax(classify(features, mask=mask))}

    sequences, *_ = keras.tree.flatten(trained.classifier.input)  # a mask may follow
    size = sequences.shape[-1]
    inputs = {"features": _spec(None, None, size), "mask": _spec(None, None, dtype=tf.bool)}
    return _signature("features", function, inputs)


def step(trained, batch_size=None):
    """Returns the signature from the next step and the state to `probabilities` and the new state.

    Args:
        trained: a `TrainedModel`.
        batch_size: integer, if it is to be fixed.

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


def step_of_tokens(trained):
    """Returns the `step` signature of texts, with the token itself, a string, for its id."""
    of_ids = step(trained)
    inputs = {"token": _spec(None, dtype=tf.string), **of_ids.inputs}
    token_id = inputs.pop("token_id")

    def function(token, *state):
        ids = trained.text_preprocessor.lookup(tf.strings.lower(token, encoding="utf-8"))
        return of_ids.function(tf.cast(ids, token_id.dtype), *state)

    return _signature("step", function, inputs)


def of_numbers(signature):
    """Returns a signature that ends with an error where it would give NaN for a probability."""

    def function(*tensors):
        outputs = signature.function(*tensors)
        return refuse_nan(outputs, outputs["probabilities"])

    return _signature(signature.name, function, signature.inputs)


def of_any_batch(signature):
    """Returns a signature for a runtime that cannot compute with a batch of none."""

    def function(*tensors):
        batch_size = tf.shape(tensors[0])[0]
        outputs = signature.function(*(at_least_one(tensor, 0) for tensor in tensors))
        return {name: output[:batch_size] for name, output in outputs.items()}

    return _signature(signature.name, function, signature.inputs)


def initial_state(trained):
    """Returns the signature from `batch_size` to the state before the first step.

    Raises:
        ValueError: if a layer needs whole sequences.
    """
    streaming = trained.streaming()
    return _signature(
        "initial_state", streaming.initial_state, {"batch_size": tf.TensorSpec((), tf.int32)}
    )


def in_a_loop_of_steps(classifier):
    """Returns a function that does what a classifier's `call` does, one step at a time.

    Its loop keeps nothing but the state, where that of a recurrent layer keeps lists of tensors,
    which LiteRT does not have.

    Raises:
        ValueError: if a layer needs whole sequences.
    """
    classifier.initial_step_state(1)

    def call(sequences, mask):
        batch_size = tf.shape(sequences)[0]
        for axis in (0, 1):
            sequences, mask = at_least_one(sequences, axis), at_least_one(mask, axis)
        shape = tf.shape(sequences)
        state = classifier.initial_step_state(shape[0])

        def body(t, logits, state):
            step = (x[:, t][:, tf.newaxis] for x in (sequences, mask))
            logits, _, new = classifier.step(*step, state)
            return t + 1, logits, {name: new[name] for name in state}

        logits = tf.zeros((shape[0], classifier.num_classes))
        loop = (tf.constant(0), logits, state)
        # LiteRT cannot read variables within a loop either.
        values = [(variable, tf.identity(variable)) for variable in classifier.variables]
        with keras.StatelessScope(state_mapping=values):
            return tf.while_loop(lambda t, *_: t < shape[1], body, loop)[1][:batch_size]

    return call


def _spec(*shape, dtype=tf.float32):
    return tf.TensorSpec(shape, dtype)


def _signature(name, function, inputs):
    specs = [tf.TensorSpec(spec.shape, spec.dtype, name=n) for n, spec in inputs.items()]
    function = tf.function(function, input_signature=specs)
    outputs = function.get_concrete_function().structured_outputs
    return Signature(name, function, inputs, dict(outputs))
