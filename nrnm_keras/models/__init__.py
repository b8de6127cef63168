"""Layers put together into models, with their losses and metrics, in keras.ops only."""

from nrnm_keras.models.adversarial_training import AdversarialTraining
from nrnm_keras.models.average_log_probabilities import AverageLogProbabilities
from nrnm_keras.models.backbone import RecurrentBackbone
from nrnm_keras.models.class_probabilities import ClassProbabilities
from nrnm_keras.models.convolution_classifier import ConvolutionClassifier
from nrnm_keras.models.end_to_end import end_to_end_classifier
from nrnm_keras.models.labeled_accuracy import LabeledAccuracy
from nrnm_keras.models.language_model import LanguageModel
from nrnm_keras.models.ngram_classifier import NGramClassifier
from nrnm_keras.models.pooling import SequencePooling
from nrnm_keras.models.sequence_classifier import SequenceClassifier
from nrnm_keras.models.sequence_similarity import SequenceSimilarity
from nrnm_keras.models.step_classifier import StepClassifier
from nrnm_keras.models.step_scores import StepAccuracy, StepCrossentropy
from nrnm_keras.models.streaming_classifier import StreamingClassifier
from nrnm_keras.models.streaming_network import StreamingNetwork
from nrnm_keras.models.token_scores import Perplexity, TokenNegativeLogLikelihood
from nrnm_keras.models.transformer_backbone import TransformerBackbone

__all__ = [
    "AdversarialTraining",
    "AverageLogProbabilities",
    "ClassProbabilities",
    "ConvolutionClassifier",
    "LabeledAccuracy",
    "LanguageModel",
    "NGramClassifier",
    "Perplexity",
    "RecurrentBackbone",
    "SequenceClassifier",
    "SequencePooling",
    "SequenceSimilarity",
    "StepAccuracy",
    "StepClassifier",
    "StepCrossentropy",
    "StreamingClassifier",
    "TokenNegativeLogLikelihood",
    "StreamingNetwork",
    "TransformerBackbone",
    "end_to_end_classifier",
]
