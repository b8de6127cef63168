"""The names of the time steps of a classifier: words, or numbers of frames or steps."""

import numpy as np
from keras import ops

from nrnm_keras.inference.trained_model import SKELETON, TEXT, TrainedModel
from nrnm_keras.plots.time_steps import TimeSteps
from nrnm_keras.preprocessing import SkeletonPreprocessor, frame_sampling
from nrnm_keras.preprocessing.body_presence import find_bodies, valid_lengths
from nrnm_keras.preprocessing.body_repetition import repeated_steps
from nrnm_keras.typing import Tensor


def name_time_steps(trained: TrainedModel, raw: Tensor) -> TimeSteps:
    """Returns the `TimeSteps` of an input.

    Args:
        trained: `TrainedModel`.
        raw: a batch of one raw input, as the model takes it.
    """
    if trained.kind == TEXT:
        preprocessor = trained.text_preprocessor
        tokens = preprocessor.truncate(preprocessor.tokenize(raw))[0]
        names = [token.decode() for token in tokens.numpy()]
        return TimeSteps("word", np.arange(1, len(names) + 1), names)
    if trained.kind == SKELETON:
        unit, numbers = "frame", 1 + _frames(trained.network, raw)
    else:
        unit, numbers = "time step", np.arange(1, raw.shape[1] + 1)
    return TimeSteps(unit, numbers, [f"{number:.0f}" for number in numbers])


def _frames(network, joints):
    """Returns the position of each time step in frames, from 0."""
    (preprocessor,) = (x for x in network.layers if isinstance(x, SkeletonPreprocessor))
    present = find_bodies(ops.convert_to_tensor(joints))
    last = joints.shape[1] - 1
    if preprocessor.length == "all":
        return np.arange(last + 1)
    lengths = valid_lengths(present)
    positions = frame_sampling.POSITIONS[preprocessor.length](lengths, preprocessor.timesteps)
    frames = np.minimum(ops.convert_to_numpy(positions)[0], last)
    if preprocessor.fill == "repeat":
        sampled = frame_sampling.FrameSampling(positions, lengths).find_bodies(present)
        main = int(ops.argmax(ops.any(sampled, axis=1)[0]))
        frames = frames[ops.convert_to_numpy(repeated_steps(sampled))[0, :, main]]
    return frames
