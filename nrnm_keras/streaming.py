"""Streams: many sequences at once, classified while they come in."""

import numpy as np

from nrnm_keras.preprocessing.text import UNKNOWN
from nrnm_keras.trained_model import TEXT


class Streams:
    """Classifies any number of sequences step by step, in one batch and constant memory.

    Each stream has a key, starts when the key is first used, and ends when it likes. After every
    step its probabilities are those of the whole sequence so far.

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
        self._is_text = trained.kind == TEXT
        self._streaming = trained.streaming()
        initial = self._streaming.initial_state(1)
        self._initial = {name: np.array(state)[0] for name, state in initial.items()}
        next_step = trained.network.inputs[0]
        self._shape, self._dtype = tuple(next_step.shape[2:]), next_step.dtype
        self._states = {}

    def push(self, steps):
        """Takes the next step of some streams.

        Args:
            steps: dictionary from a stream's key to its next step: joints `(bodies, joints, 3)` of
                a skeleton, features `(features,)` of a sequence, or a piece of text, which may be
                any number of tokens, cut between two words.

        Returns:
            Dictionary from the same keys to the probabilities so far, `(classes,)` in the order of
            `class_names`.

        Raises:
            ValueError: if a step has another shape; then no stream has moved.
        """
        queues = {key: self._queue(key, step) for key, step in steps.items()}
        results = {}
        for turn in range(max(map(len, queues.values()), default=0)):
            results |= self._advance({k: q[turn] for k, q in queues.items() if turn < len(q)})
        return {key: results[key] for key in steps}

    def end(self, key):
        """Ends a stream: its key may start another one.

        Raises:
            KeyError: if there is no such stream.
        """
        del self._states[key]

    def __len__(self):
        """The number of streams that have not ended."""
        return len(self._states)

    def _queue(self, key, step):
        """Returns a stream's next steps, as the network takes them."""
        if self._is_text:
            return self._token_ids(step)
        step = np.asarray(step, self._dtype)
        # The number of bodies, say, need not be known.
        fits = len(step.shape) == len(self._shape)
        if not fits or any(
            a not in (b, None) for b, a in zip(step.shape, self._shape, strict=True)
        ):
            raise ValueError(
                f"The next step of stream {key!r} must have shape {self._shape}. "
                f"Received: shape {step.shape}"
            )
        return [step]

    def _token_ids(self, text):
        """Returns the ids of a text's tokens; if it has none, that of padding, which is masked."""
        tokens = self._text_preprocessor.tokenize([text])[0]
        if tokens.shape[0] == 1 and tokens[0] == UNKNOWN:  # nothing else becomes this token
            return np.zeros(1, self._dtype)
        return np.array(self._text_preprocessor.lookup(tokens), self._dtype)

    def _advance(self, steps):
        """Takes one step of each stream, and returns the probabilities."""
        states = [self._states.get(key, self._initial) for key in steps]
        batch = {name: np.stack([state[name] for state in states]) for name in self._initial}
        batch[self._streaming.step_name] = np.stack(list(steps.values()))
        outputs = self._streaming.predict_on_batch(batch)
        for row, key in enumerate(steps):
            self._states[key] = {name: outputs[f"next_{name}"][row] for name in self._initial}
        return dict(zip(steps, outputs["probabilities"], strict=True))
