"""Plots for skeletons only."""

import pathlib
from typing import TYPE_CHECKING

from nrnm_keras.inference.analysis.attention import attention_limits
from nrnm_keras.inference.pictures.pages import MOST_MEMORIES, pages
from nrnm_keras.plots.attended_frames import draw_attended_frames
from nrnm_keras.plots.colors import scale_limits
from nrnm_keras.plots.skeleton_animation import draw_skeleton_animation
from nrnm_keras.preprocessing import LAYOUTS, SkeletonPreprocessor

if TYPE_CHECKING:
    from nrnm_keras.inference.pictures.explanation import Explanation

_STRIPS = 5  # writes on a page


def draw_skeletons(
    explanation: "Explanation", preprocessor: SkeletonPreprocessor, folder: pathlib.Path
) -> None:
    """Draws `frames_LAYER.png`, the frames of each write's block, and `prediction.gif`.

    Args:
        explanation: the `Explanation`.
        preprocessor: the `SkeletonPreprocessor` of the network.
        folder: `pathlib.Path` for the plots.
    """
    joints, parents = explanation.raw[0], LAYOUTS[preprocessor.layout].parents
    attentions, running = explanation.attentions, explanation.running
    assert running is not None  # the modality draws only explanations with a running prediction
    for attention in attentions[:MOST_MEMORIES]:
        weights = attention.mean_weights
        for part, name, title in pages(attention, _STRIPS, len(attentions)):
            draw_attended_frames(
                weights[part],
                attention.steps[part],
                explanation.time_steps[""].numbers,
                joints,
                parents,
                scale_limits(*attention_limits(attentions)),
                folder / f"frames_{name}.png",
                title,
                first_write=part.start + 1,
            )
    title = f"After all {len(joints)} frames: {explanation.summary}"
    names, path = explanation.trained.class_names, folder / "prediction.gif"
    draw_skeleton_animation(joints, parents, running, names, path, title)
