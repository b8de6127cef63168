"""Pretrained: the vocabulary and the weights that a classifier takes from a language model."""

import pathlib
from typing import Any, Self

import keras

from nrnm_keras.commands.option_flags import written
from nrnm_keras.config import EmbeddingConfig, NetworkConfig, TextConfig, TrainConfig
from nrnm_keras.config.options import flag_name
from nrnm_keras.errors import UsageError
from nrnm_keras.inference.keras_file import cannot_be_loaded, load_keras_file
from nrnm_keras.inference.report_file import read_report
from nrnm_keras.inference.run_folder import RunFolder
from nrnm_keras.inference.saved_arrays import DamagedError, check_arrays, form_of
from nrnm_keras.models import LanguageModel
from nrnm_keras.preprocessing import TextPreprocessor
from nrnm_keras.tasks import find_tasks
from nrnm_keras.tasks.task import Task

# The options that recurrent weights and embeddings depend on.
_OPTIONS = (NetworkConfig, EmbeddingConfig, TextConfig)


def check_start(config: TrainConfig) -> tuple[TrainConfig, dict[str, Any]]:
    """Checks that a training can start from the run `config.init_from`.

    Returns:
        The run's `TrainConfig` and its report.

    Raises:
        UsageError: if the task cannot start from a language model, or the run is not finished, is
            not a language model's, or has a different network.
    """
    given = f"--init_from={config.init_from}"
    if not config.task.starts_from_language_model:
        tasks = find_tasks()
        able = ", ".join(sorted(name for name in tasks if tasks[name].starts_from_language_model))
        raise UsageError(f"{given} is for the tasks {able}; --task is {config.task.name}")
    folder = RunFolder(str(config.init_from))
    if not folder.is_finished:
        raise UsageError(f"{given}: expected the folder of a language model's finished run")
    report = read_report(folder)
    if report["metric"] != "perplexity":
        raise UsageError(
            f"{given} is a run of task {report['task']}; expected a language model's run"
        )
    there = folder.config()
    fields = [field for options in _OPTIONS for field in options.options()]
    names = [flag_name(field) for field in fields if not field.metadata["training_only"]]
    _check_equal(given, there, config, names)
    return there, report


class Pretrained:
    """The vocabulary, the embedding and the recurrent layers of a language model.

    Args:
        preprocessor: its `TextPreprocessor`.
        language_model: its `LanguageModel`.
        file: the file that they were loaded from.

    Attributes:
        vocabulary: list of tokens.
    """

    def __init__(
        self, preprocessor: TextPreprocessor, language_model: LanguageModel, file: pathlib.Path
    ) -> None:
        self.vocabulary = preprocessor.vocabulary
        self._language_model = language_model
        self._file = file

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
            _check_equal(given, there, config, ["validation_fraction"])
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
        return cls(preprocessor, language_model, file)

    def copy_to(self, embedding: keras.layers.Layer, backbone: keras.layers.Layer) -> None:
        """Copies the weights to an embedding and a backbone of the same shapes.

        Raises:
            UsageError: if the shapes differ, or a weight is not finite.
        """
        parts = (
            (embedding, self._language_model.embedding),
            (backbone, self._language_model.backbone),
        )
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


def _check_equal(given, there, config, names):
    """Raises a `UsageError` if options of the run have other values than in this training."""
    there, here = there.values(), config.values()
    differing = [name for name in names if there[name] != here[name]]
    if differing:
        lines = (", ".join(f"{n}={written(v[n])}" for n in differing) for v in (there, here))
        raise UsageError(
            f"{given} was trained with {next(lines)}; expected the values given here, {next(lines)}"
        )
