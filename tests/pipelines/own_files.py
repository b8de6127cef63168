"""What the tests of data sets from own files share."""

import numpy as np
import tensorflow_datasets as tfds


def build(builder, data_dir, **files):
    """Builds the records of files and returns the TFDS builder that reads them."""
    builder = builder(data_dir=data_dir, **files)
    builder.download_and_prepare()
    return tfds.builder_from_directory(builder.data_dir)


def assert_same(found, expected):
    """Compares lists of arrays, of which the found ones must be float32."""
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert one.dtype == np.float32
        np.testing.assert_array_equal(one, other)
