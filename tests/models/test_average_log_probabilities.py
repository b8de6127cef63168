"""AverageLogProbabilities: by hand, serialization."""

import numpy as np
import pytest

from nrnm_keras.models.average_log_probabilities import AverageLogProbabilities


def test_it_is_the_normalized_geometric_mean():
    first, second = np.array([[0.9, 0.1]]), np.array([[0.2, 0.8]])
    expected = first**0.25 * second**0.75
    layer = AverageLogProbabilities.from_config(AverageLogProbabilities(0.25).get_config())
    output = layer([np.log(first) + 5, np.log(second)])
    np.testing.assert_allclose(np.exp(output), expected / expected.sum(), rtol=1e-5)


def test_a_weight_out_of_range_is_named():
    with pytest.raises(ValueError, match="weight=2"):
        AverageLogProbabilities(2)
