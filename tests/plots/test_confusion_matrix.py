import numpy as np
import pytest

from nrnm_keras.plots.confusion_matrix import draw_confusion_matrix
from tests.plots.common import lines, look


@pytest.fixture
def draw(tmp_path):
    def draw(matrix, names=None, title="Title"):
        path = tmp_path / "matrix.png.part"
        draw_confusion_matrix(matrix, names or ["x"] * len(matrix), path, title)
        return look(path)

    return draw


def box(pixels):
    """Returns the rows and the columns of the matrix, without its border."""
    (top, bottom), (left, right) = lines(pixels, axis=0), lines(pixels, axis=1)[:2]  # then the bar
    return slice(top + 1, bottom), slice(left + 1, right)


def cells(pixels, classes):
    """Returns pixels of shape `(classes, classes, rows, columns, 3)`, without the cells' edges."""
    area = pixels[box(pixels)]
    edges = np.linspace(0, len(area), classes + 1).round().astype(int)
    side = len(area) // classes - 6
    parts = [[area[i + 3 :, j + 3 :][:side, :side] for j in edges[:-1]] for i in edges[:-1]]
    return np.array(parts)


def colors(pixels, classes):
    """Returns `(classes, classes, 3)`: the colours beside the numbers."""
    return cells(pixels, classes)[:, :, 2, 2]


def test_the_larger_the_share_of_the_row_the_darker_the_cell(draw):
    matrix = np.random.default_rng(0).integers(0, 100, (12, 12))
    matrix[4] *= 50
    shares = (matrix / matrix.sum(axis=1, keepdims=True)).flatten()
    light = colors(draw(matrix), 12).mean(axis=-1).flatten()
    larger = shares[:, None] - shares > 0.02
    assert larger.any()
    assert np.all((light[:, None] < light)[larger])


def test_rows_are_the_true_classes(draw):
    light = colors(draw([[6, 4, 0], [0, 10, 0], [0, 0, 10]]), 3).mean(axis=-1)
    assert light[0, 1] < light[1, 0]


def test_rows_of_any_number_of_examples_compare(draw):
    first, second = colors(draw([[8, 2], [800, 200]]), 2)
    np.testing.assert_array_equal(first, second)


def test_rows_without_examples_are_grey(draw):
    spread = np.ptp(colors(draw([[0, 0, 0], [0, 1, 0], [1, 1, 1]]), 3), axis=-1)
    assert np.all(spread[0] == 0)
    assert np.all(spread[1:, 0] > 0.02) and spread[2, 1] > 0.1


def test_a_number_has_one_color(draw):
    """Rows of 40 and of 400 examples: 75 and 25 % each, as numbers and as colors."""
    pixels = cells(draw([[30, 10], [100, 300]]), 2)
    np.testing.assert_array_equal(pixels[0, 0], pixels[1, 1])
    np.testing.assert_array_equal(pixels[0, 1], pixels[1, 0])


@pytest.mark.parametrize(("classes", "has_numbers"), [(2, True), (20, True), (21, False)])
def test_numbers_stand_in_the_cells_of_few_classes(draw, classes, has_numbers):
    diagonal = 12345 * np.eye(classes, dtype=int)
    matrix = diagonal + np.roll(diagonal, 1, axis=0)
    varies = np.ptp(cells(draw(matrix), classes), axis=(2, 3)).any(axis=-1)
    np.testing.assert_array_equal(varies, has_numbers * (matrix > 0))


@pytest.mark.parametrize(
    ("classes", "least", "most"),
    [(1, 300, 1000), (2, 300, 1000), (60, 1200, 1700), (120, 2000, 2800)],
)
def test_names_do_not_touch(draw, classes, least, most):
    names = [f"{i} jumping (with both yokes), gy".ljust(34, "q") + "j" for i in range(classes)]
    pixels = draw(np.zeros((classes, classes), int), names, title="A title of many words, " * 4)
    assert least <= min(pixels.shape[:2]) and max(pixels.shape[:2]) <= most
    rows, columns = box(pixels)
    for picture, along, start in (
        (pixels, rows, columns.start),
        (pixels.transpose(1, 0, 2)[:, ::-1], columns, pixels.shape[0] - rows.stop),
    ):
        strip = picture[along, start - 70 : start - 10]
        has_ink = np.any(strip < 0.9, axis=(1, 2))
        assert np.count_nonzero(np.diff(has_ink.astype(int)) == 1) == classes


def test_names_are_no_mathematics(draw):
    draw([[1, 0], [0, 1]], [r"$\nothing$", "a$b$_"], title=r"$\nothing$")


@pytest.mark.parametrize("shape", [(2, 2), (3, 2), (3,), (3, 3, 1)])
def test_the_matrix_has_a_row_and_a_column_for_each_name(draw, shape):
    with pytest.raises(ValueError, match=r"3 classes has shape \(3, 3\), but this one has \(\d"):
        draw(np.ones(shape, int), ["a", "b", "c"])
