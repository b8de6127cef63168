"""Preprocessing from raw input to model input, as Keras layers inside the exported model."""

from nrnm_keras.config.skeleton_layout import LAYOUTS, SkeletonLayout
from nrnm_keras.preprocessing.nan_padding import NanPadding
from nrnm_keras.preprocessing.skeleton import SkeletonPreprocessor
from nrnm_keras.preprocessing.skeleton_augmentation import SkeletonAugmentation
from nrnm_keras.preprocessing.skeleton_rotation import SkeletonRotation
from nrnm_keras.preprocessing.standardization import Standardization
from nrnm_keras.preprocessing.step_stacking import StepStacking
from nrnm_keras.preprocessing.text import TextPreprocessor
from nrnm_keras.preprocessing.text_pairs import TextPairPreprocessor

__all__ = [
    "LAYOUTS",
    "NanPadding",
    "SkeletonAugmentation",
    "SkeletonLayout",
    "SkeletonPreprocessor",
    "SkeletonRotation",
    "Standardization",
    "StepStacking",
    "TextPairPreprocessor",
    "TextPreprocessor",
]
