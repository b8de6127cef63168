"""Tasks: sources of examples and what is learned from them. See `Task`."""

from nrnm_keras.tasks.imdb import ImdbLanguageModelTask, ImdbTask
from nrnm_keras.tasks.listops import ListOpsTask
from nrnm_keras.tasks.long_memory import (
    AddingTask,
    AssociativeRecallTask,
    CopyMemoryTask,
    InductionTask,
)
from nrnm_keras.tasks.ntu_rgbd import NtuRgbdTask
from nrnm_keras.tasks.ntu_sample import NtuSampleTask
from nrnm_keras.tasks.nw_ucla import NwUclaTask
from nrnm_keras.tasks.sample_reviews import SampleLanguageModelTask, SampleReviewsTask
from nrnm_keras.tasks.secondary_structure import SecondaryStructureTask
from nrnm_keras.tasks.sequence import SequenceRegressionTask, SequenceTask
from nrnm_keras.tasks.sick import SickTask
from nrnm_keras.tasks.skeleton import SkeletonTask
from nrnm_keras.tasks.task import Task, find_tasks
from nrnm_keras.tasks.text import TextLanguageModelTask, TextTask

__all__ = [
    "AddingTask",
    "AssociativeRecallTask",
    "CopyMemoryTask",
    "ImdbLanguageModelTask",
    "ImdbTask",
    "InductionTask",
    "ListOpsTask",
    "NtuRgbdTask",
    "NtuSampleTask",
    "NwUclaTask",
    "SampleLanguageModelTask",
    "SampleReviewsTask",
    "SecondaryStructureTask",
    "SequenceRegressionTask",
    "SequenceTask",
    "SickTask",
    "SkeletonTask",
    "Task",
    "TextLanguageModelTask",
    "TextTask",
    "find_tasks",
]
