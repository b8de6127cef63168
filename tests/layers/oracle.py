"""NRNM in float64 NumPy, written from the equations: one sequence, one step at a time.

It shares nothing with the layer but the names of its weights. It keeps every input, hidden state
and embedding in a list and looks back in it, where the layer has buffers. Where the papers can be
read in another way the choice is a method of its own, for `test_choices.py` to make another.
"""

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def normalize(x, scale, offset):
    mean, variance = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
    return (x - mean) / np.sqrt(variance + 1e-5) * scale + offset


def weights_of(cell):
    """The cell's weights by name, in float64."""
    return {
        weight.path.split("/")[-1]: np.asarray(weight.numpy(), "float64")
        for weight in cell.trainable_weights
    }


class Oracle:
    """Runs one sequence; `hidden`, `cell`, `memory` and `attention` hold what it came to."""

    def __init__(self, cell):
        self.w = weights_of(cell)
        self.units, self.heads = cell.units, cell.num_heads
        self.memory_units = cell.memory_units
        self.k, self.s, self.window = cell.block_size, cell.stride, cell.window_size
        self.slots = self.k // self.s
        self.backbone, self.interaction = cell.backbone, cell.interaction
        self.memory_read = cell.memory_read
        self.zoneout = cell.zoneout if isinstance(cell.zoneout, tuple) else (cell.zoneout,) * 2
        self.inputs, self.hiddens, self.embedded, self.attention = [], [], [], []
        self.cell = np.zeros(self.units)
        self.memory = self.first_memory()

    def run(self, sequence, mask=None):
        """Returns the output of every step, `(timesteps, units)`."""
        outputs = []
        for t, x in enumerate(np.asarray(sequence, "float64")):
            if mask is None or mask[t]:
                self.step(x)
            outputs.append(self.hiddens[-1] if self.hiddens else np.zeros(self.units))
        return np.array(outputs)

    def step(self, x):
        read = getattr(self, f"_read_by_{self.memory_read}")(x)
        hidden = getattr(self, f"_{self.backbone}")(x, read)
        hidden = self.zoneout[0] * self._past(1) + (1 - self.zoneout[0]) * hidden
        self.inputs.append(x)
        self.hiddens.append(hidden)
        self.embedded.append(self.embed(x))
        t = len(self.hiddens)
        if self.is_write(t):
            self.write(self.block_end(t))

    def first_memory(self):
        return np.zeros((self.slots, self.memory_units))

    def embed(self, x):
        return x @ self.w["input_kernel"]

    def is_write(self, t):
        return t >= self.k and t % self.window == 0

    def block_end(self, t):
        return t

    def slot_steps(self, t):
        return range(t - self.k + self.s, t + 1, self.s)

    def attended_units(self, states, inputs):
        return np.array(states + inputs)

    def gate_inputs(self, t):
        return self.embedded[t - self.k : t]

    def score_size(self):
        return self.memory_units // self.heads

    def normalize(self, x, name):
        return normalize(x, self.w[f"{name}_scale"], self.w[f"{name}_offset"])

    def dense_activation(self, x):
        return np.maximum(x, 0)

    def read_gate_input(self, x):
        return x

    def _read_by_gate(self, x):
        w, v = self.w, self.memory.reshape(-1)
        gate = sigmoid(
            self.read_gate_input(x) @ w["read_gate_kernel"]
            + v @ w["read_gate_recurrent_kernel"]
            + w.get("read_gate_bias", 0)
        )
        return (gate * v) @ w["read_kernel"]

    def _read_by_attention(self, x):
        w, size = self.w, self.memory_units // self.heads
        query, attended = x @ w["read_query_kernel"], []
        for head in range(self.heads):
            part = slice(head * size, (head + 1) * size)
            keys = self.memory @ w["read_key_kernel"][:, part]
            values = self.memory @ w["read_value_kernel"][:, part]
            weights = np.exp(keys @ query[part] / np.sqrt(size))
            attended.append(weights / weights.sum() @ values)
        gate = sigmoid(x @ w["read_gate_kernel"] + w.get("read_gate_bias", 0))
        return (gate * np.concatenate(attended)) @ w["read_kernel"]

    def write(self, t):
        w = self.w
        states = [self.hiddens[i - 1] for i in self.slot_steps(t)]
        if self.memory_units != self.units:
            states = [state @ w["hidden_kernel"] for state in states]
        hidden = np.array(states)
        units = self.attended_units(states, self.embedded[t - self.k : t])
        if self.interaction == "self_attention":
            interaction = self._attend(hidden, units)
        else:
            interaction = (units.reshape(-1) @ w["linear_kernel"]).reshape(hidden.shape)
        y = self.normalize(hidden + interaction, "attention")
        dense = self.dense_activation(y @ w["dense_kernel"] + w.get("dense_bias", 0))
        candidate = self.normalize(y + dense, "dense")
        gates = sigmoid(
            np.concatenate(self.gate_inputs(t)) @ w["write_gate_kernel"]
            + np.tanh(self.memory) @ w["write_gate_recurrent_kernel"]
            + w.get("write_gate_bias", 0)
        )
        write, forget = gates[:, : self.memory_units], gates[:, self.memory_units :]
        self.memory = write * np.tanh(candidate) + forget * self.memory

    def _attend(self, hidden, units):
        """Textbook multi-head attention: queries, keys and values of every unit."""
        w, size = self.w, self.memory_units // self.heads
        query = hidden @ w["query_kernel"]
        heads, attention = [], []
        for head in range(self.heads):
            # The key kernel is kept transposed.
            keys = units @ w["key_kernel"][head].T
            values = units @ w["value_kernel"][head]
            scores = query[:, head * size : (head + 1) * size] @ keys.T
            scores = scores / np.sqrt(self.score_size())
            weights = np.exp(scores - scores.max(-1, keepdims=True))
            weights /= weights.sum(-1, keepdims=True)
            attention.append(weights)
            heads.append(weights @ values)
        self.attention.append(np.array(attention))
        return np.concatenate(heads, axis=-1)

    def _past(self, steps):
        return self.hiddens[-steps] if steps <= len(self.hiddens) else np.zeros(self.units)

    def _lstm(self, x, read):
        w = self.w
        z = x @ w["kernel"] + self._past(1) @ w["recurrent_kernel"] + w.get("bias", 0)
        i, f, c, o = np.split(z, 4)
        new = sigmoid(f) * self.cell + sigmoid(i) * np.tanh(c) + read
        self.cell = self.zoneout[1] * self.cell + (1 - self.zoneout[1]) * new
        return sigmoid(o) * np.tanh(new)

    def _gru(self, x, read):
        w, hidden = self.w, self._past(1)
        bias = w.get("bias", np.zeros((2, 3 * self.units)))
        xz, xr, xh = np.split(x @ w["kernel"] + bias[0], 3)
        hz, hr, hh = np.split(hidden @ w["recurrent_kernel"] + bias[1], 3)
        z, r = sigmoid(xz + hz), sigmoid(xr + hr)
        return z * hidden + (1 - z) * np.tanh(xh + r * hh + read)

    def _rnn(self, x, read):
        w = self.w
        return np.tanh(
            x @ w["kernel"] + self._past(1) @ w["recurrent_kernel"] + w.get("bias", 0) + read
        )

    def _high_order_rnn(self, x, read):
        w = self.w
        past = np.concatenate([self._past(1), self._past(2), self._past(3)])
        return np.tanh(x @ w["kernel"] + past @ w["recurrent_kernel"] + w.get("bias", 0) + read)
