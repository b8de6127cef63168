"""The flags of a sweep."""

from absl import flags

from nrnm_keras.inference.run_config import define_flags

SWEEP_FLAGS = ("sweep_dir", "grid", "seeds", "jobs", "parameter_budget", "count_only", "published")


def define_sweep_flags() -> flags.FlagValues:
    """Returns new absl `FlagValues` with all flags of a sweep, those of a training among them."""
    values = define_flags()
    flags.DEFINE_string(
        "sweep_dir",
        None,
        "folder of the sweep's own folder, which has the name of run_dir, or else of the task",
        flag_values=values,
    )
    flags.DEFINE_multi_string(
        "grid",
        [],
        "a flag of nrnm_keras.train and its values, as in block_size=4,8; values with commas are "
        "separated by semicolons, as in nrnm_layers=;2;1,2,3; given several times, every "
        "combination is trained",
        flag_values=values,
    )
    flags.DEFINE_integer(
        "seeds", 1, "trainings of each combination, with seed, seed + 1, ...", 1, flag_values=values
    )
    flags.DEFINE_integer("jobs", 1, "trainings at a time", 1, flag_values=values)
    flags.DEFINE_integer(
        "parameter_budget",
        None,
        "number of parameters of each network: units are chosen to come nearest to it",
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
        "CSV file of published results, shown below the measured ones, or a folder with a file "
        "named for the task. Columns: system, value, source; parameters, if known; others are "
        "named for flags: a row is shown where all of them have its values",
        flag_values=values,
    )
    return values
