"""Tasks: what a data set needs to be learnt. `Task` says what a task offers."""

from nrnm_keras.tasks.task import Task
from nrnm_keras.tasks.text_classification import Imdb, OwnText, SampleReviews, TextClassification

TASKS = {"imdb": Imdb, "text": OwnText, "sample_reviews": SampleReviews}

__all__ = ["TASKS", "Imdb", "OwnText", "SampleReviews", "Task", "TextClassification"]
