"""Streams: step-by-step prediction for many sequences at once."""

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nrnm_keras.inference.modalities.modality import MalformedError

if TYPE_CHECKING:
    from nrnm_keras.inference.trained_model import TrainedModel


class _Stream(NamedTuple):
    """A stream: where its state is, the number of its steps, and the result of the last step."""

    batch: dict[str, np.ndarray]
    row: int
    steps: int
    result: np.ndarray


class Streams:
    """Predicts any number of sequences step by step, in one batch and constant memory.

    Each stream has a key. It starts when the key is first used, and ends with `end`. After every
    step a classifier gives the probabilities for the whole sequence so far, of any length; a
    sequence tagger gives those of the step.

    Args:
        trained: a `TrainedModel` that can run step by step: its layers are unidirectional and, for
            skeletons, it was trained with `--length=all`.

    Raises:
        ValueError: if a layer needs whole sequences.

    Example, with a run that the command `train` has finished:

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
        state = {name: np.array(state) for name, state in initial.items()}
        next_step = trained.network.inputs[0]
        self._step_form = tuple(next_step.shape[2:]), next_step.dtype
        self._streams: dict[Any, _Stream] = {}
        # Also traces the graph before the first step comes.
        outputs = self._run(state, [self._modality.no_step(*self._step_form)])
        self._start = _Stream(state, 0, 0, self._results(outputs)[0])

    def push(self, steps: dict) -> dict:
        """Takes the next step of some streams.

        Args:
            steps: dictionary from a stream's key to its next step: joints `(bodies, joints, 3)` of
                a skeleton, features `(features,)` of a sequence, a token id, or a piece of text,
                which may have any number of tokens and must be split between words. Some steps
                change nothing: a frame in which no body has all its joints, features that are all
                NaN, and a text without words.

        Returns:
            Dictionary from the same keys to the results so far. For a classifier, probabilities
            `(classes,)` for the whole sequence, in the order of `class_names`. For sequence
            tagging, the probabilities of the new steps, `(steps, classes)`. For regression, the
            number. For a language model, the log-probability and the perplexity, `(2,)`.

        Raises:
            ValueError: if a step has the wrong shape or a number that is not finite, or if the
                network's output is not finite. The message names the stream and the step. In this
                case no stream has changed.
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
        """Ends a stream. Its key can then start another one.

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
        """Returns some streams after one more step of each."""
        batch = _batch_of([streams[key] for key in steps])
        outputs = self._run(batch, list(steps.values()))
        results = self._results(outputs)
        batch = {name: outputs[f"next_{name}"] for name in batch}
        is_finite = np.all([_finite_rows(x) for x in (results, *batch.values())], axis=0)
        moved = {}
        for row, key in enumerate(steps):
            number = streams[key].steps + 1
            if not is_finite[row]:
                raise ValueError(
                    f"The network's output is not finite after step {number} of stream {key!r}. "
                    "Look for extreme values in the stream"
                )
            moved[key] = _Stream(batch, row, number, results[row])
        return moved

    def _results(self, outputs):
        """Returns the rows of the results of some streams."""
        return np.array(self._output.stacked(outputs))

    def _run(self, batch, steps):
        """Returns the outputs of the network for a step from each state of a batch."""
        step = {self._streaming.step_name: np.stack(steps)}
        return self._streaming.predict_on_batch({**batch, **step})


def _batch_of(streams):
    """The states of some streams as one batch."""
    batch = streams[0].batch
    size = len(next(iter(batch.values())))
    if [(id(s.batch), s.row) for s in streams] == [(id(batch), row) for row in range(size)]:
        return batch  # Streams that went on together before need no copy.
    return {name: np.stack([s.batch[name][s.row] for s in streams]) for name in batch}


def _finite_rows(rows):
    return np.isfinite(rows).reshape(len(rows), -1).all(axis=1)
