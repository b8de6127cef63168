import keras
import numpy as np
import pytest
from keras import layers, ops

from nrnm_keras.models import RecurrentBackbone, SequencePooling, SequenceSimilarity

# Two features a sequence: the embedding of its one token.
VECTORS = np.array([[0, 0], [1, 2], [3, 1], [-1, -2]], "float32")


def similarity(mode, **scale):
    embedding = layers.Embedding(4, 2)
    encoder = keras.Sequential([keras.Input((None,)), embedding, SequencePooling("mean")])
    embedding.set_weights([VECTORS])
    model = SequenceSimilarity(encoder, mode, **scale)
    model.build((None, None, 2))
    return model


PAIRS = np.array([[[1, 1]], [[1, 2]], [[1, 3]]])


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("manhattan", [[1], [np.exp(-3)], [np.exp(-6)]]),
        ("cosine", [[1], [(1 + 5 / np.sqrt(50)) / 2], [0]]),
    ],
)
def test_similarity_by_hand(mode, expected):
    similarities = similarity(mode)(PAIRS)
    assert similarities.shape == (3, 1)
    np.testing.assert_allclose(similarities, expected, rtol=1e-5, atol=1e-6)
    scaled = similarity(mode, smallest=1, largest=5)(PAIRS)
    np.testing.assert_allclose(scaled, 1 + 4 * np.array(expected), rtol=1e-5, atol=1e-5)


def test_head_by_hand():
    model = similarity("head")
    model.head.set_weights([np.array([[0.1], [-0.2], [0.3], [0.4]]), np.array([0.5])])
    # |(1, 2) - (3, 1)| = (2, 1), (1, 2) * (3, 1) = (3, 2).
    logit = 0.1 * 2 - 0.2 * 1 + 0.3 * 3 + 0.4 * 2 + 0.5
    np.testing.assert_allclose(model(PAIRS)[1], [1 / (1 + np.exp(-logit))], rtol=1e-5)


@pytest.mark.parametrize("mode", SequenceSimilarity.MODES)
def test_order_does_not_matter_and_towers_share_their_weights(mode):
    model = similarity(mode)
    np.testing.assert_allclose(model(PAIRS), model(PAIRS[..., ::-1]), rtol=1e-6)
    assert len(model.encoder.weights) == 1


def test_nothing_compared_with_nothing_has_a_gradient():
    model = similarity("cosine")
    assert np.isfinite(ops.convert_to_numpy(model(np.zeros((1, 1, 2), int)))).all()


def test_padding_of_the_shorter_sequence_does_not_count(tmp_path):
    encoder = keras.Sequential(
        [
            keras.Input((None,), dtype="int32"),
            layers.Embedding(9, 4, mask_zero=True),
            RecurrentBackbone(8, 1, [1]),
            SequencePooling("mean"),
        ]
    )
    model = keras.Sequential([keras.Input((None, 2), dtype="int32"), SequenceSimilarity(encoder)])
    pairs = np.array([[[1, 4], [2, 5], [3, 0]]])
    longer = np.pad(pairs, [(0, 0), (0, 5), (0, 0)])
    np.testing.assert_allclose(model(longer), model(pairs), rtol=1e-5)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", compile=False)
    np.testing.assert_allclose(loaded(pairs), model(pairs), rtol=1e-6)


def test_unknown_mode():
    with pytest.raises(ValueError, match="euclid"):
        SequenceSimilarity(layers.Flatten(), "euclid")
