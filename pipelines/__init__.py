"""Turns raw files into TFRecords: one folder and one TFDS builder for each data set.

`python -m pipelines.build DATASET` builds a data set on the command line, `pipelines.build.build`
in Python. The records are read with `tfds.builder_from_directory`, without this package.
"""

from pipelines import library_logs

library_logs.hide_in_commands()
