"""Pretrained: what a classifier takes over from a language model's run."""

from nrnm_keras.errors import UsageError
from nrnm_keras.inference.keras_file import cannot_be_loaded, load_keras_file
from nrnm_keras.inference.report_file import read_report
from nrnm_keras.inference.run_folder import RunFolder
from nrnm_keras.inference.saved_arrays import DamagedError, check_arrays, form_of
from nrnm_keras.models import LanguageModel
from nrnm_keras.preprocessing import TextPreprocessor
from nrnm_keras.tasks import TASKS

# What must be equal for the weights to mean the same.
_EQUAL = (
    *("model", "units", "num_layers", "nrnm_layers", "bidirectional", "block_size", "stride"),
    *("window_size", "num_heads", "slots", "embedding_size", "vocabulary_size"),
)


def check_start(flags):
    """Finds out from the flags whether a training can start from the run `flags.init_from`.

    Returns:
        The run's report.

    Raises:
        UsageError: if the task takes no language model, the run is not a finished one of a language
            model, or its network is another.
    """
    given = f"--init_from={flags.init_from}"
    if not TASKS[flags.task].starts_from_language_model:
        able = ", ".join(name for name, task in TASKS.items() if task.starts_from_language_model)
        raise UsageError(f"{given} goes with the tasks {able}; this one is {flags.task}")
    if flags.compare_with_lstm:
        raise UsageError(
            f"{given} has the weights of one network; --compare_with_lstm trains two: train the "
            "LSTM by itself, from a language model of its own"
        )
    folder = RunFolder(flags.init_from)
    if not folder.is_finished:
        raise UsageError(f"{given}: expected the folder of a language model's finished run")
    report = read_report(folder)
    if report["metric"] != "perplexity":
        raise UsageError(f"{given} is a run of task {report['task']}; expected a language model's")
    _check_equal(given, report, flags, _EQUAL)
    return report


class Pretrained:
    """The vocabulary, the embedding and the recurrent layers of a language model.

    Args:
        preprocessor: its `TextPreprocessor`.
        language_model: its `LanguageModel`.
        file: the path that they are from.

    Attributes:
        vocabulary: list of tokens.
    """

    def __init__(self, preprocessor, language_model, file):
        self.vocabulary = preprocessor.vocabulary
        self._language_model = language_model
        self._file = file

    @classmethod
    def load(cls, flags, task_class):
        """Loads what the run `flags.init_from` has left, in Keras's safe mode.

        Args:
            flags: the values of the command's flags.
            task_class: class of the `Task` that starts from it.

        Raises:
            UsageError: if it does not fit, cannot be loaded, has seen the texts that the task
                validates on, or was trained on generated texts and the task is not.
        """
        report = check_start(flags)
        given = f"--init_from={flags.init_from}"
        if report["data"]["dataset"] == task_class.dataset:
            # With another share it would have been trained on texts of the validation split.
            _check_equal(given, report, flags, ["validation_fraction"])
        if report["notice"] and report["notice"] != task_class.notice:
            raise UsageError(f"{given} was trained on other data: {report['notice']}")
        file = RunFolder(flags.init_from) / RunFolder.MODEL
        model = load_keras_file(file)
        try:
            (preprocessor,) = (x for x in model.layers if isinstance(x, TextPreprocessor))
            language_model = model.get_layer("network").layers[-1]
            if not isinstance(language_model, LanguageModel):
                raise ValueError("it holds no language model")
        except (ValueError, AttributeError) as error:
            raise cannot_be_loaded(file, error) from error
        return cls(preprocessor, language_model, file)

    def copy_to(self, embedding, backbone):
        """Gives the weights to an embedding and a backbone of the same shapes.

        Raises:
            UsageError: if the shapes are others, or a weight is no finite number.
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


def _check_equal(given, report, flags, names):
    """Refuses a run for which flags had other values than now."""
    there = report["flags"]
    differing = [name for name in names if there.get(name) != flags[name].value]
    if differing:
        their_values = ", ".join(f"{name}={there.get(name)}" for name in differing)
        here = ", ".join(f"{name}={flags[name].value}" for name in differing)
        raise UsageError(
            f"{given} was trained with {their_values}; expected the same as here, {here}"
        )
