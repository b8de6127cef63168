"""TrainedModel: the trained model of a finished run, ready to use."""

import inspect
import os
from collections.abc import Iterable
from typing import Any

import keras

from nrnm_keras.inference.analysis.attention import Attention, attention_of_writes
from nrnm_keras.inference.analysis.directions import recurrent_directions
from nrnm_keras.inference.batches import check_input, predict_each
from nrnm_keras.inference.exporting.export import Exported, export_model
from nrnm_keras.inference.find_run import find_run
from nrnm_keras.inference.keras_file import cannot_be_loaded, load_keras_file
from nrnm_keras.inference.modalities import modality_of
from nrnm_keras.inference.outputs import output_of
from nrnm_keras.inference.run_folder import RunFolder
from nrnm_keras.inference.streaming import Streams
from nrnm_keras.models import (
    AverageLogProbabilities,
    ConvolutionClassifier,
    NGramClassifier,
    RecurrentBackbone,
    StreamingNetwork,
    TransformerBackbone,
)
from nrnm_keras.models.end_to_end import OtherClassifier
from nrnm_keras.preprocessing import NanPadding
from nrnm_keras.typing import Tensor


class TrainedModel:
    """A model as `nrnm_keras.train` saves it, with prediction, attention, streams and export.

    Args:
        model: the Keras model from raw input to named results.
        run: the `RunFolder` that it was loaded from, or None.

    Attributes:
        model: the same.
        modality: the `Modality` of its raw input.
        kind: the modality's name, such as `"text"`.
        output: the `Output`.
        class_names: list of strings; empty if it predicts no classes.
        text_preprocessor: the `TextPreprocessor` of a model of single texts, otherwise None.
        network: the `keras.Sequential` from token ids, joints or features.
        encoder: the layers of the network before its head, a list.
        head: the layers from the recurrent layers on, a list; of a classifier it is one layer.
        classifier: that layer; None if the model predicts no classes.
        backbone: the `RecurrentBackbone` or `TransformerBackbone`.
        scores: the Keras model from encoded input to logits or log-probabilities: the network, or
            its average with a linear classifier.

    Raises:
        ValueError: if the model is not one that a training saves.

    Example:

    >>> from nrnm_keras.models import ClassProbabilities, RecurrentBackbone, SequenceClassifier
    >>> from nrnm_keras.preprocessing import NanPadding
    >>> classifier = SequenceClassifier(RecurrentBackbone(8), num_classes=2)
    >>> network = keras.Sequential([keras.Input((None, 5)), NanPadding(), classifier])
    >>> sequences = keras.Input((None, 5))
    >>> model = keras.Model(sequences, ClassProbabilities(["down", "up"])(network(sequences)))
    >>> trained = TrainedModel(model)
    >>> trained.predict([np.zeros((20, 5)), np.ones((30, 5))])["probabilities"].shape
    (2, 2)
    >>> trained.attention(np.ones((30, 5)))[0].name
    'layer 2'
    >>> trained.streams().push({"door": np.ones(5)})["door"].shape
    (2,)
    """

    def __init__(self, model: keras.Model, run: RunFolder | None = None) -> None:
        networks = (x for x in reversed(model.layers) if isinstance(x, keras.Sequential))
        self.model = model
        self.run = run
        self.network: keras.Sequential = next(networks, None)
        self.output = output_of(model, self.network)
        self.class_names = self.output.class_names
        self.modality = modality_of(model, self.network)
        self.kind = self.modality.name
        self.text_preprocessor = self.modality.text_preprocessor
        self.encoder, self.head = _split(self.network.layers)  # type: ignore[union-attr]
        self.classifier = self.head[0] if self.class_names else None
        self._before_backbone, self.backbone = _find_backbone(self.network)
        averages = (x for x in model.layers if isinstance(x, AverageLogProbabilities))
        self._average = next(averages, None)
        self.scores: keras.Model = self.network
        if self._average is not None:
            is_text = self.text_preprocessor is not None
            encoded = self.text_preprocessor.output if is_text else model.inputs[0]
            self.scores = keras.Model(encoded, self._average.output)
            self._encoded = encoded

    @property
    def is_average(self) -> bool:
        """Whether the network is averaged with a linear classifier, which needs whole inputs."""
        return self._average is not None

    @classmethod
    def load(cls, path: str | os.PathLike) -> "TrainedModel":
        """Loads a model, in Keras's safe mode.

        Args:
            path: the folder of a finished run, or one that holds no other; or a `.keras` file.

        Raises:
            UsageError: if there is no such model.
        """
        path = find_run(path)
        run = RunFolder(path) if path.is_dir() else None
        file = run / RunFolder.MODEL if run else path
        model = load_keras_file(file)
        try:
            return cls(model, run)
        except (ValueError, TypeError, AttributeError, IndexError) as error:
            raise cannot_be_loaded(file, error) from error

    def predict(self, inputs: Iterable[Any], batch_size: int = 32) -> dict[str, Any]:
        """Predicts for raw inputs of any number and length.

        Args:
            inputs: list of strings; of pairs of strings, for a model that compares texts; of joints
                `(frames, bodies, joints, 3)` in meters; of features `(timesteps, features)`; or of
                token ids `(timesteps,)`: what the model's `modality` is.
            batch_size: positive integer, the number of inputs in a batch.

        Returns:
            A dictionary. For classes, `label`, a list of strings, and `probabilities`, an array
            `(inputs, classes)` in the order of `class_names`. For sequence tagging, `labels` and
            `probabilities`, lists with one entry for each input: a list of strings, and an array
            `(timesteps, classes)`. For a number, an array `(inputs,)` by its name. For a language
            model, `log_probability` and `perplexity`, `(inputs,)`.

        Raises:
            UsageError: naming an input that the model does not take, that has a number that is not
                finite, or whose prediction is not finite.
        """
        named = ((None, value) for value in inputs)
        rows = [row for _, row in predict_each(self, named, batch_size)]
        return self.output.combine(rows)

    def attention(self, value: Any) -> list[Attention]:
        """Returns the attention of every write to every memory for a raw input.

        Args:
            value: one raw input, as `predict` takes it in a list.

        Returns:
            List of `Attention`, one for each memory that is written to: its name, the weights
            `(writes, num_heads, slots, slots + block_size)`, and the time steps attended to. Empty
            if the model has no memory, or one that does not attend.

        Raises:
            UsageError: if the input is not what the model takes.
        """
        return attention_of_writes(recurrent_directions(self, self.as_batch([value])))

    def export(
        self, format: str, folder: str | os.PathLike, quantize: str | None = None, **options: Any
    ) -> Exported:
        """Exports the model to another format, and checks that its results are the same there.

        Args:
            format: `"saved_model"`, `"onnx"`, `"litert"`, `"keras"`, or another module of
                `nrnm_keras.inference.exporting.formats`.
            folder: a new folder.
            quantize: None, or the type of the stored weights: `"int8"` or `"float16"`.
            **options: those of `export_model`, such as the `records` to check the result on.

        Returns:
            An `Exported`: how far the results differ, and what could not be written and why.

        Raises:
            UsageError: if the format does not support the model, or the results differ.
        """
        return export_model(self, format, folder, quantize, **options)

    def streams(self) -> Streams:
        """Returns `Streams`, which predict any number of sequences step by step.

        Raises:
            ValueError: if a layer needs whole sequences.
        """
        return Streams(self)

    def streaming(self) -> StreamingNetwork:
        """Returns the network of one step.

        The next step is called `token_id`, `joints` or `features`, by the modality.

        Raises:
            ValueError: if a layer needs whole sequences.
        """
        self.check_steps()
        return StreamingNetwork(self.network, self.modality.step_name, self.output.of_step)

    def average_scores(self, encoded: Tensor, mask: Tensor | None = None) -> Tensor:
        """Returns the average of the network's and the linear classifier's scores.

        Args:
            encoded: token ids, or features without NaN.
            mask: the mask of features.
        """
        network = [x for x in self.network.layers if mask is None or not isinstance(x, NanPadding)]
        kinds = (NGramClassifier, ConvolutionClassifier)
        linear = [x for x in self.model.layers if isinstance(x, kinds)]
        scores = [_run(layers, encoded, mask)[0] for layers in (network, linear)]
        return self._average(scores)  # type: ignore[misc]

    @property
    def other(self) -> OtherClassifier | None:
        """The linear classifier that the network is averaged with, of encoded input, or None."""
        if self._average is None:
            return None
        linear = keras.Model(self._encoded, self._average.input[1])
        return OtherClassifier(linear, self._average.weight)

    def check_steps(self) -> None:
        """Raises a ValueError if a part of the model besides the network needs whole inputs."""
        if self.is_average:
            raise ValueError(
                "The linear classifier needs the whole input; train with --nolinear_classifier, "
                "--nobidirectional and --stacked_steps=1. Received: a model that averages it with "
                "the network"
            )

    def as_batch(self, values: list) -> Any:
        """Returns raw inputs as one batch, as the model takes it.

        Raises:
            UsageError: naming the first input that the model does not take.
        """
        for number, value in enumerate(values):
            check_input(self.modality, value, f"input {number} (from 0)")
        return self.modality.as_batch(values)

    def encode(self, raw: Any) -> Any:
        """Encodes raw input for the network: texts become token ids, other input is unchanged."""
        return self.modality.encode(raw)

    def head_inputs(self, encoded: Tensor) -> tuple:
        """Returns the inputs of the network's head for encoded input."""
        return _run(self.encoder, encoded)

    def run_head(self, sequences: Tensor, mask: Tensor | None = None) -> Any:
        """Returns the network's output for the inputs of its head."""
        x, _ = _run(self.head, sequences, mask)
        return x

    def backbone_inputs(self, raw: Any) -> dict[str, tuple]:
        """Returns the inputs of the backbone for raw input: sequences and mask of each part.

        A pair of texts has the parts `first` and `second`. Other inputs have one part, `""`.
        """
        parts = self.modality.parts(self.encode(raw))
        return {name: _run(self._before_backbone, part) for name, part in parts.items()}


def _run(layers, x, mask=None):
    for layer in layers:
        takes_mask = mask is not None and "mask" in inspect.signature(layer.call).parameters
        output = layer(x, mask=mask) if takes_mask else layer(x)
        x, mask = output, layer.compute_mask(x, mask)
    return x, mask


def _is_backbone(layer):
    return isinstance(layer, RecurrentBackbone | TransformerBackbone)


def _split(layers):
    """Splits layers before the first one that has recurrent layers."""
    for place, layer in enumerate(layers):
        has_backbone = any(hasattr(layer, name) for name in ("backbone", "encoder"))
        if _is_backbone(layer) or has_backbone:
            return layers[:place], layers[place:]
    raise ValueError("the model has no recurrent layers")


def _find_backbone(network):
    """Returns the layers before the backbone, and the backbone."""
    before, (holder, *_) = _split(network.layers)
    if _is_backbone(holder):
        return before, holder
    if hasattr(holder, "encoder"):
        inner, backbone = _find_backbone(holder.encoder)
        return [*before, *inner], backbone
    return before, holder.backbone
