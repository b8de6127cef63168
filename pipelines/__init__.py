"""Raw files to TFRecords: one TFDS builder for each data set.

`python -m pipelines.build DATASET` builds one on the command line, `pipelines.build.build` in code.
The records are read with `tfds.builder_from_directory`, which needs nothing from this package.
"""

from pipelines import library_logs

library_logs.hide_in_commands()
