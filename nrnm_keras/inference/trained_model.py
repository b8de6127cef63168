"""TrainedModel: what a training leaves behind, taken apart for use."""

import pathlib

import keras

from nrnm_keras.errors import UsageError
from nrnm_keras.inference.keras_file import cannot_be_loaded, load_keras_file
from nrnm_keras.inference.run_folder import RunFolder
from nrnm_keras.models import ClassProbabilities, SequenceClassifier, StreamingClassifier
from nrnm_keras.preprocessing import TextPreprocessor

TEXT, SKELETON, SEQUENCE = "text", "skeleton", "sequence"

_STEP_NAMES = {TEXT: "token_id", SKELETON: "joints", SEQUENCE: "features"}


class TrainedModel:
    """A classifier as `nrnm_keras.train` saves it, and its parts.

    Args:
        model: the Keras model from raw input to probabilities by class name.

    Attributes:
        model: the same.
        kind: what its raw input is. `"text"`: strings `(batch,)`; `"skeleton"`: joints
            `(batch, frames, bodies, joints, 3)` in metres, padded with zeros; `"sequence"`:
            features `(batch, timesteps, features)`, padded with NaN.
        class_names: list of strings.
        text_preprocessor: the `TextPreprocessor` from texts to token ids, None for other kinds.
        network: the `keras.Sequential` from token ids, joints or features to logits.
        classifier: the `SequenceClassifier`, its last layer.

    Raises:
        ValueError: if the model is not such a classifier.
    """

    def __init__(self, model):
        network, probabilities = [None, None, *model.layers][-2:]
        is_ours = isinstance(probabilities, ClassProbabilities)
        if not is_ours or not isinstance(network, keras.Sequential):
            raise ValueError("the model is not a classifier of nrnm_keras.train")
        if not isinstance(network.layers[-1], SequenceClassifier):
            raise ValueError("the model's network does not end in a SequenceClassifier")
        self.model = model
        self.network = network
        self.classifier = network.layers[-1]
        self.class_names = probabilities.class_names
        texts = (layer for layer in model.layers if isinstance(layer, TextPreprocessor))
        self.text_preprocessor = next(texts, None)
        self.kind = SKELETON if len(model.inputs[0].shape) == 5 else SEQUENCE
        if self.text_preprocessor:
            self.kind = TEXT

    @classmethod
    def load(cls, path):
        """Loads a model, in Keras's safe mode.

        Args:
            path: the folder of a finished run, or a `.keras` file.

        Raises:
            UsageError: if there is no such model.
        """
        path = pathlib.Path(path).expanduser()
        file = path / RunFolder.MODEL if path.is_dir() else path
        if not file.is_file():
            raise UsageError(
                f"--model={path}: no {RunFolder.MODEL} there; expected the folder of a finished "
                "run, or a .keras file"
            )
        model = load_keras_file(file)
        try:
            return cls(model)
        except (ValueError, TypeError, AttributeError, IndexError) as error:
            raise cannot_be_loaded(file, error) from error

    def encode(self, raw):
        """Returns what the network takes: token ids for texts, other raw input as it is."""
        return self.text_preprocessor(raw) if self.text_preprocessor else raw

    def classifier_inputs(self, raw):
        """Returns what the classifier takes of raw input.

        Returns:
            Sequences `(batch, timesteps, features)`, and their mask `(batch, timesteps)` or None.
        """
        return self.classifier_inputs_of_encoded(self.encode(raw))

    def classifier_inputs_of_encoded(self, encoded):
        """Returns the same for what `encode` returned."""
        x, mask = encoded, None
        for layer in self.network.layers[:-1]:
            x, mask = layer(x), layer.compute_mask(x, mask)
        return x, mask

    def streaming(self):
        """Returns the `StreamingClassifier` of the network.

        The next step is called `token_id`, `joints` or `features`, by the kind.

        Raises:
            ValueError: if a layer needs whole sequences.
        """
        return StreamingClassifier(self.network, _STEP_NAMES[self.kind])
