"""What a call of Keras's recurrent layers does a call of NRNM does, on every backend.

`test_like_keras_backends.py` runs this file on the other backends.
"""

import functools

import keras
import numpy as np
import pytest
from keras import layers, ops

from nrnm_keras import NRNM, NRNMCell
from tests.layers.common import FEATURES, close, masks, randomize, sequences
from tests.layers.like_keras import (
    BACKEND,
    BATCH,
    SIZES,
    STATES,
    TIMESTEPS,
    UNITS,
    X,
    like,
    model_of,
    nrnm,
    to_numpy,
    train,
)


def test_numbers_computed_by_hand():
    """Two units on one feature, a write at every step, attention to all alike.

    x = (1, 0): h_1 = tanh(1, -1) = ±0.761594 and e_1 = (1, -1), of which attention makes the mean,
    ±0.880797. With two units LayerNorm of (a, -a) is (1, -1) but for its epsilon: M~ = ±0.999995.
    Both gates of the write are sigmoid(0) = 0.5, so that M = 0.5 tanh(M~) = ±0.380796.
    The read gate is sigmoid(-1) = 0.268941: r_2 = ±0.102412, and h_2 = tanh(r_2) = ±0.102055.
    """
    layer = NRNM(
        2,
        block_size=1,
        stride=1,
        num_heads=1,
        backbone="rnn",
        unit_forget_bias=False,
        return_sequences=True,
        return_state=True,
    )
    layer.build((1, 2, 1))
    values = {
        "kernel": [[1.0, -1.0]],
        "input_kernel": [[1.0, -1.0]],
        "value_kernel": np.eye(2)[None],
        "read_kernel": np.eye(2),
        "read_gate_bias": [-1.0, -1.0],
        "attention_scale": [1.0, 1.0],
        "dense_scale": [1.0, 1.0],
    }
    for weight in layer.weights:
        weight.assign(values.get(weight.name, np.zeros(weight.shape)))
    outputs, hidden, memory, *_ = layer(np.array([[[1.0], [0.0]]], "f4"))
    signs = np.array([1, -1])
    close(outputs[0], np.outer([0.761594, 0.102055], signs), 1e-5)
    close(hidden[0], 0.102055 * signs, 1e-5)
    # M_2 = 0.5 tanh(LayerNorm(...)) + 0.5 M_1 with the same signs: 0.380796 + 0.190398.
    close(memory[0], 0.571194 * signs, 1e-4)


def test_initial_weights_as_arrays():
    source = nrnm()
    layer = NRNM(UNITS, **SIZES)
    layer.build(X.shape)
    layer.set_weights([np.array(weight) for weight in source.get_weights()])
    close(layer(X), source(X), 0)


class TestCalls:
    @pytest.mark.parametrize("return_sequences", [False, True])
    @pytest.mark.parametrize("return_state", [False, True])
    def test_symbolic_with_unknown_batch_and_time(self, return_sequences, return_state):
        layer = nrnm(return_sequences=return_sequences, return_state=return_state)
        outputs = layer(keras.Input((None, FEATURES)))
        expected = [(None, None, UNITS) if return_sequences else (None, UNITS)]
        if return_state:
            expected += [(None, size) for size in STATES]
        assert [each.shape for each in keras.tree.flatten(outputs)] == expected
        computed = keras.tree.flatten(layer.compute_output_shape((BATCH, 9, FEATURES)))
        assert len(computed) == sum(map(len, expected))

    def test_one_model_for_every_batch_size_and_length(self):
        layer = nrnm()
        model = model_of(layer)
        for batch_size, timesteps in ((1, 1), (3, 7), (2, 12)):
            x = sequences(timesteps, batch_size)
            close(model.predict(x, verbose=0), layer(x))

    @pytest.mark.parametrize("rank", [2, 4])
    def test_another_rank_is_refused(self, rank):
        with pytest.raises(ValueError, match="expected ndim=3"):
            nrnm()(np.zeros((BATCH,) + (FEATURES,) * (rank - 1), "f4"))

    def test_return_state(self):
        layer = nrnm(return_sequences=True, return_state=True)
        outputs, *states = layer(X)
        assert [state.shape for state in states] == [(BATCH, size) for size in STATES]
        close(states[0], outputs[:, -1], 0)
        close(like(layer, return_state=False)(X), outputs, 0)
        last, *same = like(layer, return_sequences=False)(X)
        close(last, outputs[:, -1], 0)
        close(same, states, 0)

    def test_go_backwards(self):
        layer = nrnm(return_sequences=True)
        close(like(layer, go_backwards=True)(X), layer(X[:, ::-1].copy()))

    def test_unroll(self):
        layer = nrnm(return_sequences=True, return_state=True)
        close(like(layer, unroll=True)(X), layer(X))

    def test_calls_are_independent(self):
        layer = nrnm()
        first = to_numpy(layer(X))
        layer(2 * X)
        close(layer(X), first, 0)


QUIET = {"batch_size": BATCH, "verbose": 0}


class TestStateful:
    def test_goes_on_until_reset(self):
        whole = nrnm(return_sequences=True)
        layer = like(whole, stateful=True)
        outputs = to_numpy(whole(X))
        close(layer(X[:, :3]), outputs[:, :3])
        close(layer(X[:, 3:]), outputs[:, 3:])
        layer.reset_state()
        close(layer(X), outputs)
        layer.reset_states()  # the older name
        close(layer(X), outputs)

    def test_in_a_model(self):
        whole = nrnm()
        model = model_of(like(whole, stateful=True), batch_size=BATCH)
        # On JAX, Keras's `predict` drops the states, those of its LSTM too.
        run = model if BACKEND == "jax" else functools.partial(model.predict, **QUIET)
        run(X[:, :3])
        close(run(X[:, 3:]), whole(X))
        assert np.isfinite(train(model, steps=2)).all()

    def test_state_is_a_weight_that_does_not_train(self):
        layer = like(nrnm(), stateful=True)
        assert [tuple(state.shape) for state in layer.states] == [(BATCH, n) for n in STATES]
        assert not any(state.trainable for state in layer.states)

    def test_another_batch_size_is_refused(self):
        with pytest.raises(ValueError, match="batch size"):
            like(nrnm(), stateful=True)(sequences(TIMESTEPS, BATCH + 1))
        with pytest.raises(ValueError, match="batch size must be static"):
            model_of(NRNM(UNITS, stateful=True))


class TestMasks:
    @pytest.mark.parametrize("name", masks(1))
    def test_masked_steps_are_left_out(self, name):
        layer, mask = nrnm(), masks(TIMESTEPS)[name]
        outputs = to_numpy(layer(X, mask=ops.convert_to_tensor(mask)))
        for row, valid, output in zip(X, mask, outputs, strict=True):
            kept = row[valid][None]
            close(output, layer(kept)[0] if valid.any() else np.zeros(UNITS))

    def test_masked_outputs_repeat_or_are_zero(self):
        layer, mask = nrnm(return_sequences=True), np.array([[1, 1, 0, 1, 0, 0, 1]] * BATCH, bool)
        repeated = to_numpy(layer(X, mask=ops.convert_to_tensor(mask)))
        close(repeated[:, [2, 4, 5]], repeated[:, [1, 3, 3]], 0)
        zeroed = like(layer, zero_output_for_mask=True)(X, mask=ops.convert_to_tensor(mask))
        close(zeroed, repeated * mask[..., None], 0)

    def test_from_layers_below_and_on_to_those_above(self):
        ids = np.array([[1, 2, 3, 0, 0, 0, 0], [4, 5, 6, 7, 8, 9, 0]])
        embedding = layers.Embedding(10, FEATURES, mask_zero=True)
        lower, upper = nrnm(return_sequences=True), nrnm(features=UNITS)
        x = keras.Input((None,), dtype="int32")
        model = keras.Model(x, upper(lower(embedding(x))))
        short = upper(lower(ops.convert_to_tensor(to_numpy(embedding(ids))[:1, :3])))
        close(model(ids)[:1], short)

    def test_what_becomes_of_the_mask(self):
        mask = ops.convert_to_tensor(masks(TIMESTEPS)["right"])
        assert nrnm().compute_mask(X, mask) is None
        assert nrnm(return_sequences=True).compute_mask(X, mask) is mask
        with_states = nrnm(return_sequences=True, return_state=True).compute_mask(X, mask)
        assert [each is None for each in with_states] == [False] + [True] * len(STATES)


class TestInitialState:
    def test_of_the_same_layer_goes_on(self):
        layer = nrnm(return_sequences=True, return_state=True)
        outputs, *last = layer(X)
        first, *states = layer(X[:, :3])
        second, *same = layer(X[:, 3:], initial_state=states)
        close(ops.concatenate([first, second], axis=1), outputs)
        close(same, last)

    def test_zeros_are_the_default(self):
        layer = nrnm()
        close(layer(X, initial_state=layer.get_initial_state(BATCH)), layer(X))

    def test_from_another_layer_in_a_model(self, tmp_path):
        encoder, decoder = nrnm(return_state=True), nrnm(return_sequences=True)
        source, target = keras.Input((None, FEATURES)), keras.Input((None, FEATURES))
        _, *states = encoder(source)
        model = keras.Model([source, target], decoder(target, initial_state=states))
        x = [X, sequences(5, seed=1)]
        expected = decoder(x[1], initial_state=encoder(X)[1:])
        close(model(x), expected)
        assert np.abs(to_numpy(model(x)) - to_numpy(decoder(x[1]))).max() > 1e-2
        model.save(tmp_path / "model.keras")
        close(keras.saving.load_model(tmp_path / "model.keras")(x), expected)
        # What the decoder is told reaches the encoder.
        before = encoder.get_weights()[0]
        model.compile("sgd", "mse", run_eagerly=BACKEND == "tensorflow")
        model.train_on_batch(x, np.ones((BATCH, 5, UNITS)))
        assert np.abs(encoder.get_weights()[0] - before).max() > 0

    def test_of_inputs_of_a_model(self):
        layer = nrnm()
        states = [keras.Input((size,)) for size in STATES]
        x = keras.Input((None, FEATURES))
        model = keras.Model([x, *states], layer(x, initial_state=states))
        values = [to_numpy(each) for each in nrnm(return_state=True)(sequences(5))[1:]]
        close(model([X, *values]), layer(X, initial_state=values))


class TestBidirectional:
    @pytest.mark.parametrize("return_sequences", [False, True])
    @pytest.mark.parametrize("merge_mode", ["concat", "sum", "mul", "ave", None])
    def test_merge_modes(self, merge_mode, return_sequences):
        both = layers.Bidirectional(
            NRNM(UNITS, **SIZES, return_sequences=return_sequences), merge_mode=merge_mode
        )
        both.build(X.shape)
        randomize(both)
        forward = to_numpy(both.forward_layer(X))
        backward = to_numpy(both.backward_layer(X))
        if return_sequences:
            backward = backward[:, ::-1]
        expected = {
            "concat": lambda: np.concatenate([forward, backward], axis=-1),
            "sum": lambda: forward + backward,
            "mul": lambda: forward * backward,
            "ave": lambda: (forward + backward) / 2,
            None: lambda: (forward, backward),
        }
        close(both(X), expected[merge_mode]())
        assert keras.tree.map_structure(lambda y: tuple(y.shape), both(X)) == _shapes(
            both.compute_output_shape(X.shape), merge_mode
        )

    def test_states_of_both_directions(self):
        both = layers.Bidirectional(NRNM(UNITS, **SIZES, return_state=True))
        both.build(X.shape)
        randomize(both)
        outputs, *states = both(X)
        assert len(states) == 2 * len(STATES)
        forward = both.forward_layer(X, initial_state=states[: len(STATES)])[0]
        backward = both.backward_layer(X, initial_state=states[len(STATES) :])[0]
        close(both(X, initial_state=states)[0], ops.concatenate([forward, backward], axis=-1))

    def test_two_layers_of_its_own(self):
        forward = NRNM(UNITS, **SIZES)
        backward = NRNM(UNITS + 1, backbone="gru", go_backwards=True)
        both = layers.Bidirectional(forward, backward_layer=backward)
        assert both(X).shape == (BATCH, 2 * UNITS + 1)
        assert both.backward_layer.backbone == "gru"

    def test_stateful(self):
        both = layers.Bidirectional(NRNM(UNITS, **SIZES, stateful=True))
        both.build(X.shape)
        randomize(both)
        first, second = to_numpy(both(X)), to_numpy(both(X))
        assert np.abs(first - second).max() > 1e-3
        both.reset_state()
        close(both(X), first)

    def test_under_a_mask_in_a_saved_model(self, tmp_path):
        model = model_of(layers.Masking(), layers.Bidirectional(nrnm(return_sequences=True)))
        x = X.copy()
        x[:2, 4:] = 0
        outputs = to_numpy(model(x))
        assert not outputs[:2, 4:].any()
        close(outputs[:2, :4], model(x[:2, :4]))
        model.save(tmp_path / "model.keras")
        close(keras.saving.load_model(tmp_path / "model.keras")(x), outputs, 1e-6)


def _shapes(shapes, merge_mode):
    return tuple(map(tuple, shapes)) if merge_mode is None else tuple(shapes)


class TestWrappers:
    def test_time_distributed(self):
        layer = nrnm()
        wrapped = layers.TimeDistributed(layer)
        x = np.stack([X, 2 * X, 3 * X], axis=1)
        close(wrapped(x), np.stack([to_numpy(layer(n * X)) for n in (1, 2, 3)], axis=1))
        model = keras.Sequential([keras.Input((3, TIMESTEPS, FEATURES)), wrapped])
        assert model.output_shape == (None, 3, UNITS)

    def test_stacked_cells_are_stacked_layers(self):
        lower, upper = nrnm(return_sequences=True), nrnm(6, features=UNITS)
        stacked = layers.RNN([lower.cell, upper.cell], return_state=True)
        outputs, *states = stacked(X)
        close(outputs, upper(lower(X)))
        assert [len(each) for each in states] == [len(STATES)] * 2
        close(states[1][0], outputs)

    def test_stacked_with_other_cells_and_dropout(self):
        cells = [
            NRNMCell(UNITS, **SIZES, dropout=0.3, recurrent_dropout=0.3, zoneout=0.1),
            layers.LSTMCell(3, dropout=0.2),
            NRNMCell(UNITS, backbone="gru", memory_dropout=0.2),
        ]
        model = model_of(layers.RNN(layers.StackedRNNCells(cells)), timesteps=TIMESTEPS)
        assert np.isfinite(train(model)).all()
        close(model(X), model(X), 0)

    def test_cell_by_hand_is_the_layer(self):
        layer = nrnm(return_sequences=True, return_state=True)
        states, outputs = layer.cell.get_initial_state(BATCH), []
        for t in range(TIMESTEPS):
            output, states = layer.cell(ops.convert_to_tensor(X[:, t]), states)
            outputs.append(output)
        expected, *last = layer(X)
        close(ops.stack(outputs, axis=1), expected)
        close(states, last)
