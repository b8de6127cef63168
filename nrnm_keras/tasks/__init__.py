"""Tasks: what a data set needs to be learnt. `Task` says what a task offers."""

from nrnm_keras.tasks.classification import Classification
from nrnm_keras.tasks.language_model import (
    ImdbLanguageModel,
    LanguageModelling,
    OwnLanguageModel,
    SampleLanguageModel,
)
from nrnm_keras.tasks.long_memory import Adding, AssociativeRecall, CopyMemory, InductionHead
from nrnm_keras.tasks.regression import Regression
from nrnm_keras.tasks.secondary_structure import SecondaryStructure
from nrnm_keras.tasks.sentence_similarity import SickRelatedness
from nrnm_keras.tasks.sequence_classification import OwnSequences
from nrnm_keras.tasks.skeleton_actions import NtuRgbd, NtuSample, NwUcla, SkeletonActions
from nrnm_keras.tasks.step_classification import StepClassification
from nrnm_keras.tasks.task import Task
from nrnm_keras.tasks.text_classification import Imdb, OwnText, SampleReviews, TextClassification

TASKS = {
    "imdb": Imdb,
    "text": OwnText,
    "sample_reviews": SampleReviews,
    "language_model": ImdbLanguageModel,
    "text_language_model": OwnLanguageModel,
    "sample_language_model": SampleLanguageModel,
    "ntu_rgbd": NtuRgbd,
    "ntu_sample": NtuSample,
    "nw_ucla": NwUcla,
    "sequence": OwnSequences,
    "secondary_structure": SecondaryStructure,
    "sick": SickRelatedness,
    "adding": Adding,
    "copy_memory": CopyMemory,
    "associative_recall": AssociativeRecall,
    "induction": InductionHead,
}

__all__ = [
    "TASKS",
    "Adding",
    "AssociativeRecall",
    "Classification",
    "CopyMemory",
    "Imdb",
    "ImdbLanguageModel",
    "InductionHead",
    "LanguageModelling",
    "NtuRgbd",
    "NtuSample",
    "NwUcla",
    "OwnLanguageModel",
    "OwnSequences",
    "OwnText",
    "Regression",
    "SampleLanguageModel",
    "SampleReviews",
    "SecondaryStructure",
    "SickRelatedness",
    "SkeletonActions",
    "StepClassification",
    "Task",
    "TextClassification",
]
