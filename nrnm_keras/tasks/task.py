"""Task: what the training loop wants to know of a data set and its model."""

from nrnm_keras.tasks.backbone_flags import build_backbone


class Task:
    """A data set together with its preprocessing, model, loss and metrics.

    Making a task opens the records and learns what the preprocessing needs from the training
    split. Attributes and methods of subclasses:

    Attributes:
        dataset: name of the data set in `pipelines.build.DATASETS`.
        source_flag: name of the flag that says where the raw data are, or None.
        records: its `Records`.
        metric: name of the metric of the validation split that tells the best epoch.
        metric_mode: `"max"` or `"min"`.
        notice: what every summary has to say about the data, or None.
        substitute: the task that `--sample_when_unavailable` puts in its place, or None.
        starts_from_language_model: whether it takes a `vocabulary` and has an `encoder_of` its
            networks, for `--init_from`.
        learns_adversarially: whether `--adversarial` and `--entropy_weight` have an effect.
        usage: what the report says about using the model, with `{run}` for the run's folder.
        sort_by_length: whether sequences of similar length go into one batch.
        padding: number that shorter sequences of a batch are padded with.
        target_padding: the same for targets, of tasks with one for each step.
    """

    dataset: str
    source_flag = None
    metric = "accuracy"
    metric_mode = "max"
    notice = None
    substitute = None
    starts_from_language_model = False
    learns_adversarially = False
    usage = ""
    sort_by_length = True
    padding = 0
    target_padding = -1

    @staticmethod
    def build_options(flags):
        """Returns the options of `pipelines.build.build` that stand in the flags."""
        return {}

    def examples(self, split, part=0, num_parts=1):
        """Returns a `tf.data.Dataset` of (sequence `(timesteps, ...)`, target) of known length.

        `part` and `num_parts` are those of `Records.read`.
        """
        raise NotImplementedError

    @staticmethod
    def check_network(flags):
        """Finds out whether the flags make a network; if not, raises a ValueError."""
        build_backbone(flags)

    def build_network(self, flags):
        """Returns the model from padded batches of sequences to what the loss takes."""
        raise NotImplementedError

    def build_trained(self, network, flags):
        """Returns the model that is trained in the network's place and shares its weights."""
        return network

    def encoder_of(self, network):
        """Returns the embedding of tokens and the backbone of a network of the task's."""
        raise NotImplementedError

    def loss(self):
        """Returns the loss."""
        raise NotImplementedError

    def metrics(self):
        """Returns a new list of metrics."""
        raise NotImplementedError

    def build_exported(self, network):
        """Returns the model from raw input to named results, sharing the network's weights."""
        raise NotImplementedError

    def describe(self):
        """Returns facts about the data for the report, as a dictionary."""
        return {}

    def analyse(self, outcome):
        """Returns what the report says of a result besides the metrics, as a dictionary.

        `outcome` has `split`, the `targets` of its examples and the network's `outputs`.
        """
        return {}

    def draw(self, outcome, folder):
        """Draws pictures of a result; returns their titles by file name within the folder."""
        return {}
