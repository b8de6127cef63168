"""The flags of a sweep."""

from absl import flags

from nrnm_keras.train.flags import define_flags


def define_sweep_flags():
    """Returns new absl `FlagValues` with all flags of a sweep, those of a training among them."""
    values = define_flags()
    flags.DEFINE_string(
        "sweep_dir",
        None,
        "where the folder of the runs and their summary goes: it has the name of run_dir, whose "
        "place it takes, or the task's",
        flag_values=values,
    )
    flags.DEFINE_multi_string(
        "grid",
        [],
        "a flag of nrnm_keras.train and its values, as in block_size=4,8 or, where values have "
        "commas, nrnm_layers=;2;1,2,3; given several times, every combination is trained",
        flag_values=values,
    )
    flags.DEFINE_integer(
        "seeds", 1, "trainings of each combination, with seed, seed + 1, ...", 1, flag_values=values
    )
    flags.DEFINE_integer("jobs", 1, "trainings at a time", 1, flag_values=values)
    flags.DEFINE_integer(
        "parameters",
        None,
        "number of parameters that all networks are to have: units are chosen to come near it",
        1,
        flag_values=values,
    )
    flags.DEFINE_boolean(
        "count_only", False, "count the networks' parameters and train none", flag_values=values
    )
    flags.DEFINE_string(
        "published",
        None,
        "CSV file of results from elsewhere, shown below the measured ones, or a folder with a "
        "file of the task's name. Columns: system, value, source; parameters, if known; others "
        "have the names of flags: a row counts where all of them are as it says",
        flag_values=values,
    )
    return values
