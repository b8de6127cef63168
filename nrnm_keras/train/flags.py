"""The flags of a training."""

from absl import flags

from nrnm_keras.commands.command_line import define_source_limit
from nrnm_keras.tasks import (
    TASKS,
    adversarial_flags,
    backbone_flags,
    language_model,
    long_memory,
    sentence_similarity,
    skeleton_flags,
    text_examples,
    token_embedding,
)
from nrnm_keras.train.optimizer import SCHEDULES
from nrnm_keras.train.strategy import STRATEGIES, XLA

# A run can go on under other values of these.
_WITHOUT_EFFECT = (
    *("run_dir", "overwrite", "checkpoint_every", "terminate_after", "max_timesteps"),
    "source_limit_mb",
    "cluster_timeout",
)


def define_flags():
    """Returns new absl `FlagValues` with all flags of a training."""
    values = flags.FlagValues()
    _define_data_flags(values)
    text_examples.define_flags(values)
    token_embedding.define_flags(values)
    adversarial_flags.define_flags(values)
    language_model.define_flags(values)
    skeleton_flags.define_flags(values)
    sentence_similarity.define_flags(values)
    long_memory.define_flags(values)
    backbone_flags.define_flags(values)
    _define_training_flags(values)
    return values


def copy_flags(values, **changes):
    """Returns a copy of flag values with some of them changed."""
    copy = define_flags()
    copy(["train"])
    for name, value in {**flag_dict(values), **changes}.items():
        copy[name].value = value
    return copy


def flag_dict(values):
    """Returns the values by flag name."""
    return {name: values[name].value for name in define_flags()}


def flag_lines(values):
    """Returns the lines of a flag file with the values that make a difference to the result."""
    return _lines(values, (name for name in define_flags() if name not in _WITHOUT_EFFECT))


def all_flag_lines(values):
    """Returns the lines of a flag file with all values."""
    return _lines(values, define_flags())


def _lines(values, names):
    return [line for line in (values[name].serialize() for name in names) if line]


def completed_lines(lines):
    """Returns the lines of an older version's flag file with the flags that have come since then.

    These have their defaults. What this version does not know stays as it is.
    """
    values = define_flags()
    try:
        unknown = values(["train", *lines], known_only=True)[1:]
    except flags.Error:
        return lines
    return [*flag_lines(values), *unknown]


def _define_data_flags(values):
    def path(name, default, text):
        flags.DEFINE_string(name, default, text, flag_values=values)

    def choice(name, default, choices, text):
        flags.DEFINE_enum(name, default, choices, text, flag_values=values)

    choice("task", "imdb", list(TASKS), "what to learn")
    path("data_dir", "data", "folder of the records; they are built there if they are missing")
    path("imdb_source", None, "aclImdb folder or archive to build from; downloaded if not given")
    flags.DEFINE_boolean(
        "sample_when_unavailable",
        False,
        "train on generated reviews if IMDB is neither there nor can be downloaded",
        flag_values=values,
    )
    path("ntu_source", None, "folder of NTU .skeleton files, or their archives, to build from")
    choice("ntu_config", "ntu60", ("ntu60", "ntu120"), "number of actions of NTU RGB+D")
    choice("ntu_bodies", "tracked", ("tracked", "authors"), "how the two bodies are chosen")
    choice("ntu_on_error", "fail", ("fail", "skip"), "what a damaged .skeleton file does")
    path("ntu_missing_samples", None, "the official list of samples with missing skeletons")
    path("nw_ucla_source", None, "folder of the NW-UCLA JSON files, or their archive")
    path("sick_source", None, "folder of the files of SICK 2014")
    path("flip_source", None, "folder of the FASTA files of FLIP's secondary structure")
    path(
        "train_file",
        None,
        "own texts (.csv, .tsv or .jsonl with text and label) or sequences (.npz or .ts)",
    )
    path("validation_file", None, "the same to validate on (default: a part of train_file)")
    path("test_file", None, "the same to test on (default: no test)")
    path(
        "unlabelled_file",
        None,
        "more texts for text_language_model, and for text with --adversarial=virtual or "
        "--entropy_weight; a column text is enough",
    )
    flags.DEFINE_boolean(
        "test",
        True,
        "test on the test split at the end; --notest, for runs that only choose, does not read it",
        flag_values=values,
    )
    define_source_limit(values)
    flags.DEFINE_float(
        "validation_fraction",
        0.1,
        "share of the training examples to validate on, if the data has no validation split",
        lower_bound=0.001,
        upper_bound=0.9,
        flag_values=values,
    )
    flags.DEFINE_integer(
        "max_timesteps",
        10_000,
        "longest of the own sequences that is expected; a longer one is an error",
        lower_bound=1,
        flag_values=values,
    )


def _define_training_flags(values):
    def number(name, default, text, lower_bound):
        define = flags.DEFINE_integer if isinstance(default, int) else flags.DEFINE_float
        define(name, default, text, lower_bound=lower_bound, flag_values=values)

    def choice(name, default, choices, text):
        flags.DEFINE_enum(name, default, choices, text, flag_values=values)

    flags.DEFINE_string(
        "run_dir",
        None,
        "folder of the results: a new one, or that of an unfinished run of these flags, which "
        "goes on",
        flag_values=values,
    )
    flags.DEFINE_boolean(
        "overwrite", False, "replace the run that run_dir holds", flag_values=values
    )
    flags.DEFINE_boolean(
        "compare_with_lstm",
        False,
        "train the network and then plain LSTM layers of the same width, in run_dir/nrnm and "
        "run_dir/lstm, and print both results",
        flag_values=values,
    )
    flags.DEFINE_string(
        "init_from",
        None,
        "folder of a language model's finished run, whose vocabulary, embedding and recurrent "
        "layers a text classifier starts from",
        flag_values=values,
    )
    number("epochs", 20, "largest number of epochs", 1)
    number("patience", 3, "epochs without a better validation result before training stops", 1)
    number("batch_size", 64, "examples in a batch, over all devices", 1)
    number("learning_rate", 1e-3, "learning rate of Adam", 0.0)
    choice("learning_rate_schedule", "constant", SCHEDULES, "cosine ends at zero after all epochs")
    flags.DEFINE_float(
        "warmup_fraction",
        0.0,
        "share of all steps in which the learning rate rises from zero",
        lower_bound=0.0,
        upper_bound=0.9,
        flag_values=values,
    )
    number("clip_norm", 1.0, "largest norm of all gradients together; 0 for no limit", 0.0)
    flags.DEFINE_float(
        "ema_momentum",
        0.0,
        "momentum of a moving average of the weights, which is what is validated and kept; 0: none",
        lower_bound=0.0,
        upper_bound=0.9999,
        flag_values=values,
    )
    flags.DEFINE_integer(
        "seed",
        0,
        "seed of initial weights, shuffling and dropout",
        lower_bound=0,
        upper_bound=2**31 - 1,
        flag_values=values,
    )
    choice(
        "best_epoch_by",
        "metric",
        ("metric", "loss"),
        "what of the validation split tells the best epoch; the loss is steadier on few examples",
    )
    choice(
        "strategy",
        "auto",
        STRATEGIES,
        "devices; auto takes all GPUs of this machine, multi_worker those of all machines in "
        "TF_CONFIG",
    )
    number(
        "cluster_timeout",
        600,
        "seconds that the processes of strategy=multi_worker wait for each other; 0: for ever. The "
        "default is what schedulers may need to start all machines of a job",
        0,
    )
    choice("xla", "auto", XLA, "whether TensorFlow compiles the training step; auto: on one GPU")
    number("cpu_devices", 1, "logical devices to split the CPU into, to try strategies out", 1)
    number(
        "input_parts",
        0,
        "parts that the training data are read in, every process its own; 0: one for a process. "
        "With equal parts, any number of processes sees the same batches",
        0,
    )
    number("checkpoint_every", 200, "steps between checkpoints, besides that after each epoch", 1)
    number("terminate_after", 0.0, "seconds until training stops, to go on later; 0: never", 0.0)
    choice("mixed_precision", "none", ("none", "bfloat16", "float16"), "type of the computations")
