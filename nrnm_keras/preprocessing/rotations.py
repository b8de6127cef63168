"""Rotations of points in space, as matrices `(batch, 3, 3)` that multiply column vectors."""

from keras import ops

from nrnm_keras.typing import Tensor

# Directions of vectors shorter than this, in meters, are noise.
_SHORTEST = 1e-4


def rotate(points: Tensor, matrices: Tensor) -> Tensor:
    """Rotates points `(batch, ..., 3)`, each sequence by its matrix.

    It uses no matmul, for which a GPU may round coordinates to 11 bits.
    """
    shape = (-1,) + (1,) * (len(points.shape) - 2)
    coordinates = ops.unstack(points, 3, axis=-1)
    return ops.stack(
        [
            sum(ops.reshape(matrices[:, i, j], shape) * coordinates[j] for j in range(3))
            for i in range(3)
        ],
        axis=-1,
    )


def about_axis(angles: Tensor, axis: str) -> Tensor:
    """Returns matrices that rotate by `angles` (radians, `(batch,)`) about the axis x, y or z."""
    one, zero = ops.ones_like(angles), ops.zeros_like(angles)
    cos, sin = ops.cos(angles), ops.sin(angles)
    rows = {
        "x": ((one, zero, zero), (zero, cos, -sin), (zero, sin, cos)),
        "y": ((cos, zero, sin), (zero, one, zero), (-sin, zero, cos)),
        "z": ((cos, -sin, zero), (sin, cos, zero), (zero, zero, one)),
    }[axis]
    return ops.stack([ops.stack(row, axis=-1) for row in rows], axis=1)


def onto_axes(up: Tensor, right: Tensor) -> Tensor:
    """Returns matrices that rotate `up` onto z, `right` into the half plane of z and positive x.

    If `right` is parallel to `up`, the rotation about z is arbitrary. If `up` has no direction,
    nothing is rotated.
    """
    z, has_up = _direction(up)
    x = _direction_across(right, z)
    matrices = ops.stack([x, _cross(z, x), z], axis=1)
    return ops.where(has_up[..., None], matrices, ops.eye(3, dtype="float32"))


def shortest_onto(vectors: Tensor, axis: str) -> Tensor:
    """Returns matrices of the shortest rotation of vectors `(batch, 3)` onto the axis x, y or z.

    Vectors without a direction are not rotated.
    """
    source, has_direction = _direction(vectors)
    target = ops.zeros_like(source) + ops.eye(3, dtype="float32")["xyz".index(axis)]
    # A half turn about the vector itself, then a half turn about the line halfway to the axis.
    halfway, is_unique = _direction(source + target)
    halfway = ops.where(is_unique, halfway, _direction_across(source, target))
    matrices = compose(_half_turn(halfway), _half_turn(source))
    return ops.where(has_direction[..., None], matrices, ops.eye(3, dtype="float32"))


def compose(second: Tensor, first: Tensor) -> Tensor:
    """Returns matrices that rotate by `first` and then by `second`."""
    columns = rotate(ops.transpose(first, (0, 2, 1)), second)
    return ops.transpose(columns, (0, 2, 1))


def _cross(a, b):
    """The cross product, in operations that export formats support."""
    (ax, ay, az), (bx, by, bz) = (ops.unstack(x, 3, axis=-1) for x in (a, b))
    return ops.stack([ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx], axis=-1)


def _half_turn(axis):
    return 2 * axis[:, :, None] * axis[:, None, :] - ops.eye(3, dtype="float32")


def _direction(vectors):
    """Returns unit vectors, and whether the vectors are long enough, bool `(batch, 1)`."""
    lengths = ops.sqrt(ops.sum(vectors * vectors, axis=-1, keepdims=True))
    return vectors / ops.maximum(lengths, _SHORTEST), lengths >= _SHORTEST


def _direction_across(vectors, axis):
    """The direction of vectors orthogonal to unit vectors `axis`, or any if it is undefined."""
    across, has_direction = _direction(_reject(vectors, axis))
    x, y, _ = ops.unstack(ops.eye(3, dtype="float32"), 3)
    other, _ = _direction(_reject(ops.where(ops.abs(axis[:, :1]) > 0.8, y, x), axis))
    return ops.where(has_direction, across, other)


def _reject(vectors, axis):
    return vectors - ops.sum(vectors * axis, axis=-1, keepdims=True) * axis
