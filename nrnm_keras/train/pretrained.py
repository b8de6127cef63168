"""Pretrained: the vocabulary and the weights that a classifier takes from a language model."""

import pathlib
from typing import Self

import keras

from nrnm_keras.config import TrainConfig
from nrnm_keras.errors import UsageError
from nrnm_keras.inference.keras_file import cannot_be_loaded, load_keras_file
from nrnm_keras.inference.run_folder import RunFolder
from nrnm_keras.inference.saved_arrays import DamagedError, check_arrays, form_of
from nrnm_keras.models import LanguageModel
from nrnm_keras.preprocessing import TextPreprocessor
from nrnm_keras.tasks.task import Task
from nrnm_keras.train.run_checks import check_equal, check_start


class Pretrained:
    """The vocabulary, the embedding and, if wanted, the recurrent layers of a language model.

    Args:
        preprocessor: its `TextPreprocessor`.
        language_model: its `LanguageModel`.
        file: the file that they were loaded from.
        with_backbone: whether a classifier takes the recurrent layers, too.

    Attributes:
        vocabulary: list of tokens.
    """

    def __init__(
        self,
        preprocessor: TextPreprocessor,
        language_model: LanguageModel,
        file: pathlib.Path,
        with_backbone: bool = True,
    ) -> None:
        self.vocabulary = preprocessor.vocabulary
        self._language_model = language_model
        self._file = file
        self._with_backbone = with_backbone

    @classmethod
    def load(cls, config: TrainConfig, task: Task) -> Self:
        """Loads the model of the run `config.init_from`, in Keras's safe mode.

        Args:
            config: the `TrainConfig`.
            task: the `Task` to train, which may replace the one in the configuration.

        Raises:
            UsageError: if the model does not fit, cannot be loaded, was trained on texts of the
                task's validation split, or was trained on generated texts and the task is not.
        """
        there, report = check_start(config)
        given = f"--init_from={config.init_from}"
        if report["data"]["dataset"] == task.dataset:
            # Otherwise the language model would have seen texts of the validation split.
            check_equal(given, there, config, ["validation_fraction"])
        if report["notice"] and report["notice"] != task.notice:
            raise UsageError(f"{given} was trained on other data: {report['notice']}")
        file = RunFolder(str(config.init_from)) / RunFolder.MODEL
        model = load_keras_file(file)
        try:
            (preprocessor,) = (x for x in model.layers if isinstance(x, TextPreprocessor))
            language_model = model.get_layer("network").layers[-1]
            if not isinstance(language_model, LanguageModel):
                raise ValueError("it does not hold a language model")
        except (ValueError, AttributeError) as error:
            raise cannot_be_loaded(file, error) from error
        return cls(preprocessor, language_model, file, config.init_layers == "all")

    def copy_to(self, embedding: keras.layers.Layer, backbone: keras.layers.Layer) -> None:
        """Copies the weights to an embedding and a backbone of the same shapes.

        Raises:
            UsageError: if the shapes differ, or a weight is not finite.
        """
        parts = [(embedding, self._language_model.embedding)]
        if self._with_backbone:
            parts.append((backbone, self._language_model.backbone))
        for here, there in parts:
            names = [f"{i} {weight.path}" for i, weight in enumerate(there.weights)]
            arrays = dict(zip(names, there.get_weights(), strict=True))
            forms = [form_of(weight) for weight in here.weights]
            try:
                if len(forms) != len(names):
                    raise DamagedError(f"holds {len(names)} weights; expected {len(forms)}")
                check_arrays(arrays, dict(zip(names, forms, strict=True)))
            except DamagedError as error:
                raise UsageError(f"{self._file} {error}") from error
            here.set_weights(list(arrays.values()))
