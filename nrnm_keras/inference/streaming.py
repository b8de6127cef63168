"""Streams: step-by-step prediction for many sequences at once."""

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nrnm_keras.inference.modalities.modality import MalformedError

if TYPE_CHECKING:
    from nrnm_keras.inference.trained_model import TrainedModel


class _Stream(NamedTuple):
    """A stream: its state, the number of its steps, and the result of the last step."""

    state: dict
    steps: int
    result: np.ndarray


class Streams:
    """Predicts any number of sequences step by step, in one batch and constant memory.

    Each stream has a key. It starts when the key is first used, and ends with `end`. After every
    step a classifier gives the probabilities for the whole sequence so far, of any length; a
    sequence tagger gives those of the step.

    Args:
        trained: a `TrainedModel` whose layers need no whole sequences: unidirectional ones, and
            for skeletons `--length=all`.

    Raises:
        ValueError: if a layer needs whole sequences.

    Example, with what the command `train` left in a folder:

        streams = TrainedModel.load("runs/actions").streams()
        streams.push({"door": frame_of_one_camera, "hall": frame_of_another})["door"]
        streams.end("door")
    """

    def __init__(self, trained: "TrainedModel") -> None:
        self.class_names = trained.class_names
        self._modality = trained.modality
        self._output = trained.output
        self._streaming = trained.streaming()
        initial = self._streaming.initial_state(1)
        state = {name: np.array(state)[0] for name, state in initial.items()}
        next_step = trained.network.inputs[0]
        self._step_form = tuple(next_step.shape[2:]), next_step.dtype
        self._streams: dict[Any, _Stream] = {}
        # Also traces the graph before the first step comes.
        outputs = self._run([state], [self._modality.no_step(*self._step_form)])
        self._start = _Stream(state, 0, self._results(outputs)[0])

    def push(self, steps: dict) -> dict:
        """Takes the next step of some streams.

        Args:
            steps: dictionary from a stream's key to its next step: joints `(bodies, joints, 3)` of
                a skeleton, features `(features,)` of a sequence, a token id, or a piece of text,
                which may be any number of tokens, cut between two words. A frame without a body
                whose joints are all known, features that are all NaN and a text without a word are
                no step: they change nothing.

        Returns:
            Dictionary from the same keys to the result so far. Of a classifier, these are
            probabilities `(classes,)` in the order of `class_names`: what the model gives for the
            whole of the sequence. Of a network that tags, the probabilities of the new steps,
            `(steps, classes)`. Of one that predicts a number, the number; of a language model, the
            log-probability and the perplexity, `(2,)`.

        Raises:
            ValueError: if a step has another shape or a number that is not finite, or if the
                network gives no number for it. The message names stream, step and number. Then no
                stream has moved.
        """
        queues = {key: self._queue(key, step) for key, step in steps.items()}
        moved = {key: self._stream(key) for key in steps}
        results: dict[Any, list[np.ndarray]] = {key: [] for key in steps}
        for turn in range(max(map(len, queues.values()), default=0)):
            new = self._advance(moved, {k: q[turn] for k, q in queues.items() if turn < len(q)})
            for key, stream in new.items():
                results[key].append(stream.result)
            moved |= new
        self._streams |= moved
        if self._output.step_is_result:
            return {key: moved[key].result for key in steps}
        shape = (-1, *self._start.result.shape)
        return {key: np.reshape(rows, shape).astype("float32") for key, rows in results.items()}

    def end(self, key: Any) -> None:
        """Ends a stream: its key may start another one.

        Raises:
            KeyError: if there is no such stream.
        """
        del self._streams[key]

    def __len__(self) -> int:
        """The number of streams that have not ended."""
        return len(self._streams)

    def _stream(self, key):
        return self._streams.get(key, self._start)

    def _queue(self, key, step):
        """Returns a stream's next steps, as the network takes them."""
        try:
            return self._modality.steps_of(step, *self._step_form)
        except MalformedError as error:
            number = self._stream(key).steps + 1
            raise ValueError(f"Step {number} of stream {key!r} must {error}") from error

    def _advance(self, streams, steps):
        """Returns what some streams are after one step of each."""
        outputs = self._run([streams[key].state for key in steps], list(steps.values()))
        results, moved = self._results(outputs), {}
        for row, key in enumerate(steps):
            state = {name: outputs[f"next_{name}"][row] for name in self._start.state}
            number = streams[key].steps + 1
            if not all(np.isfinite(x).all() for x in (results[row], *state.values())):
                raise ValueError(
                    f"The network gives no number after step {number} of stream {key!r}. Look for "
                    "extreme numbers in it"
                )
            moved[key] = _Stream(state, number, results[row])
        return moved

    def _results(self, outputs):
        """Returns the rows of the results of some streams."""
        return np.array(self._output.stacked(outputs))

    def _run(self, states, steps):
        """Returns the outputs of the network for a step from each of some states."""
        batch = {name: np.stack([state[name] for state in states]) for name in states[0]}
        batch[self._streaming.step_name] = np.stack(steps)
        return self._streaming.predict_on_batch(batch)
