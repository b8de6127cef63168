"""Streams: many sequences at once, classified while they come in."""

from typing import NamedTuple

import numpy as np

from nrnm_keras.inference.step_check import find_fault
from nrnm_keras.inference.trained_model import SEQUENCE, TEXT
from nrnm_keras.preprocessing.text import UNKNOWN

_UNKNOWN_ID = 1


class _Stream(NamedTuple):
    """What is known of a stream: its state, how many steps it took, and the probabilities then."""

    state: dict
    steps: int
    probabilities: np.ndarray


class Streams:
    """Classifies any number of sequences step by step, in one batch and constant memory.

    Each stream has a key, starts when the key is first used, and ends when it likes. After every
    step its probabilities are those of the whole sequence so far, however long it is.

    Args:
        trained: a `TrainedModel` whose layers need no whole sequences: unidirectional ones, and
            for skeletons `--length=all`.

    Raises:
        ValueError: if they do.

    Example, with what the command `train` left in a folder:

        streams = Streams(TrainedModel.load("runs/actions"))
        streams.push({"door": frame_of_one_camera, "hall": frame_of_another})["door"]
        streams.end("door")
    """

    def __init__(self, trained):
        self.class_names = trained.class_names
        self._text_preprocessor = trained.text_preprocessor
        self._kind = trained.kind
        self._streaming = trained.streaming()
        initial = self._streaming.initial_state(1)
        state = {name: np.array(state)[0] for name, state in initial.items()}
        next_step = trained.network.inputs[0]
        self._shape, self._dtype = tuple(next_step.shape[2:]), next_step.dtype
        self._streams = {}
        # Computed here, the answer has every graph traced before the first step comes.
        nothing = self._run([state], [self._no_step()])["probabilities"][0]
        self._start = _Stream(state, 0, nothing)

    def push(self, steps):
        """Takes the next step of some streams.

        Args:
            steps: dictionary from a stream's key to its next step: joints `(bodies, joints, 3)` of
                a skeleton, features `(features,)` of a sequence, or a piece of text, which may be
                any number of tokens, cut between two words. A frame without a body whose joints are
                all known, features that are all NaN and a text without a word are no step: they
                change nothing.

        Returns:
            Dictionary from the same keys to the probabilities so far, `(classes,)` in the order of
            `class_names`: what the model gives for the whole of the sequence.

        Raises:
            ValueError: if a step has another shape or a number that is not finite, or if the
                network gives no number for it. The message names stream, step and number. Then no
                stream has moved.
        """
        queues = {key: self._queue(key, step) for key, step in steps.items()}
        moved = {key: self._stream(key) for key in steps}
        for turn in range(max(map(len, queues.values()), default=0)):
            moved |= self._advance(moved, {k: q[turn] for k, q in queues.items() if turn < len(q)})
        self._streams |= moved
        return {key: moved[key].probabilities for key in steps}

    def end(self, key):
        """Ends a stream: its key may start another one.

        Raises:
            KeyError: if there is no such stream.
        """
        del self._streams[key]

    def __len__(self):
        """The number of streams that have not ended."""
        return len(self._streams)

    def _stream(self, key):
        return self._streams.get(key, self._start)

    def _no_step(self):
        """Returns what stands for a sequence without a step: of texts, one unknown word."""
        if self._kind == TEXT:
            return np.array(_UNKNOWN_ID, self._dtype)
        shape = [size or 1 for size in self._shape]
        return np.full(shape, np.nan if self._kind == SEQUENCE else 0, self._dtype)

    def _queue(self, key, step):
        """Returns a stream's next steps, as the network takes them."""
        if self._kind == TEXT:
            return self._token_ids(step)
        step = np.asarray(step)
        # The number of bodies, say, need not be known.
        fits = len(step.shape) == len(self._shape)
        if not fits or any(
            a not in (b, None) for b, a in zip(step.shape, self._shape, strict=True)
        ):
            raise ValueError(
                f"The next step of stream {key!r} must have shape {self._shape}. "
                f"Received: shape {step.shape}"
            )
        if fault := find_fault(self._kind, step):
            raise ValueError(
                f"Step {self._stream(key).steps + 1} of stream {key!r} must have finite numbers. "
                f"Received: {fault}"
            )
        return [step.astype(self._dtype)]

    def _token_ids(self, text):
        """Returns the ids of the tokens in a piece of a text."""
        tokens = self._text_preprocessor.tokenize([text])[0]
        # A whole text without tokens counts as an unknown one; a piece of a text has none.
        tokens = tokens[tokens != UNKNOWN]  # nothing else becomes this token
        return np.array(self._text_preprocessor.lookup(tokens), self._dtype)

    def _advance(self, streams, steps):
        """Returns what some streams are after one step of each."""
        outputs = self._run([streams[key].state for key in steps], list(steps.values()))
        results = {}
        for row, key in enumerate(steps):
            state = {name: outputs[f"next_{name}"][row] for name in self._start.state}
            number, probabilities = streams[key].steps + 1, outputs["probabilities"][row]
            if not all(np.isfinite(x).all() for x in (probabilities, *state.values())):
                raise ValueError(
                    f"The network gives no number after step {number} of stream {key!r}. Look for "
                    "extreme numbers in it"
                )
            results[key] = _Stream(state, number, probabilities)
        return results

    def _run(self, states, steps):
        """Returns the outputs of the network for a step from each of some states."""
        batch = {name: np.stack([state[name] for state in states]) for name in states[0]}
        batch[self._streaming.step_name] = np.stack(steps)
        return self._streaming.predict_on_batch(batch)
