"""The flags of a sweep."""

from absl import flags

from nrnm_keras.inference.run_config import define_flags

SWEEP_FLAGS = ("sweep_dir", "grid", "seeds", "jobs", "parameter_budget", "count_only", "published")


def define_sweep_flags() -> flags.FlagValues:
    """Returns new absl `FlagValues` with the flags of a sweep and of a training."""
    values = define_flags()
    flags.DEFINE_string(
        "sweep_dir",
        None,
        "parent of the sweep's folder, which is named after run_dir, or else after the task",
        flag_values=values,
    )
    flags.DEFINE_multi_string(
        "grid",
        [],
        "a flag of nrnm_keras.train and its values, as in block_size=4,8; semicolons separate "
        "values that contain commas, as in nrnm_layers=;2;1,2,3; flags vary together in "
        "train_file,test_file=a.csv,b.csv;c.csv,d.csv; if given several times, every combination "
        "is trained",
        flag_values=values,
    )
    flags.DEFINE_integer(
        "seeds", 1, "trainings of each combination, with seed, seed + 1, ...", 1, flag_values=values
    )
    flags.DEFINE_integer("jobs", 1, "trainings at a time", 1, flag_values=values)
    flags.DEFINE_integer(
        "parameter_budget",
        None,
        "number of parameters of each network; the number of units is chosen to match it",
        1,
        flag_values=values,
    )
    flags.DEFINE_alias("parameters", "parameter_budget", values)
    flags.DEFINE_boolean(
        "count_only", False, "count the networks' parameters and train none", flag_values=values
    )
    flags.DEFINE_string(
        "published",
        None,
        "CSV file of published results to show below the measured ones, or a folder with a file "
        "named after the task. Columns: system, value, source; parameters, if known; any other "
        "column is a flag, and a row is shown if the training has the row's values",
        flag_values=values,
    )
    return values
