"""Rotations of points in space, as matrices `(batch, 3, 3)` that multiply columns."""

from keras import ops

from nrnm_keras.typing import Tensor

# Directions of vectors shorter than this, in metres, are noise.
_SHORTEST = 1e-4


def rotate(points: Tensor, matrices: Tensor) -> Tensor:
    """Rotates points `(batch, ..., 3)`, each sequence by its matrix.

    Without a matmul, for which a GPU may round coordinates to 11 bits.
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
    """Matrices that rotate by `angles` (radians, `(batch,)`) about the axis x, y or z."""
    one, zero = ops.ones_like(angles), ops.zeros_like(angles)
    cos, sin = ops.cos(angles), ops.sin(angles)
    rows = {
        "x": ((one, zero, zero), (zero, cos, -sin), (zero, sin, cos)),
        "y": ((cos, zero, sin), (zero, one, zero), (-sin, zero, cos)),
        "z": ((cos, -sin, zero), (sin, cos, zero), (zero, zero, one)),
    }[axis]
    return ops.stack([ops.stack(row, axis=-1) for row in rows], axis=1)


def onto_axes(up: Tensor, right: Tensor) -> Tensor:
    """Matrices that bring `up` onto z and `right` as near to x as a turn about z then can.

    `right` ends in the half plane of z and positive x. If it has no direction across `up`, the
    turn about z is an arbitrary one; if `up` has no direction, nothing is rotated.
    """
    z, has_up = _direction(up)
    x = _direction_across(right, z)
    matrices = ops.stack([x, _cross(z, x), z], axis=1)
    return ops.where(has_up[..., None], matrices, ops.eye(3, dtype="float32"))


def shortest_onto(vectors: Tensor, axis: str) -> Tensor:
    """Matrices of the shortest rotation of vectors `(batch, 3)` onto the axis x, y or z.

    Vectors without a direction are not rotated.
    """
    source, has_direction = _direction(vectors)
    target = ops.zeros_like(source) + ops.eye(3, dtype="float32")["xyz".index(axis)]
    # Half a turn about the vector itself and another about the line half way to the axis.
    halfway, is_unique = _direction(source + target)
    halfway = ops.where(is_unique, halfway, _direction_across(source, target))
    matrices = compose(_half_turn(halfway), _half_turn(source))
    return ops.where(has_direction[..., None], matrices, ops.eye(3, dtype="float32"))


def compose(second: Tensor, first: Tensor) -> Tensor:
    """Matrices that rotate by `first` and then by `second`."""
    columns = rotate(ops.transpose(first, (0, 2, 1)), second)
    return ops.transpose(columns, (0, 2, 1))


def _cross(a, b):
    """The cross product, in operations that other formats have too."""
    (ax, ay, az), (bx, by, bz) = (ops.unstack(x, 3, axis=-1) for x in (a, b))
    return ops.stack([ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx], axis=-1)


def _half_turn(axis):
    return 2 * axis[:, :, None] * axis[:, None, :] - ops.eye(3, dtype="float32")


def _direction(vectors):
    """Unit vectors and, bool `(batch, 1)`, whether the vectors are long enough to have one."""
    lengths = ops.sqrt(ops.sum(vectors * vectors, axis=-1, keepdims=True))
    return vectors / ops.maximum(lengths, _SHORTEST), lengths >= _SHORTEST


def _direction_across(vectors, axis):
    """The direction of vectors across the unit vectors `axis`; if they have none, some other."""
    across, has_direction = _direction(_reject(vectors, axis))
    x, y, _ = ops.unstack(ops.eye(3, dtype="float32"), 3)
    other, _ = _direction(_reject(ops.where(ops.abs(axis[:, :1]) > 0.8, y, x), axis))
    return ops.where(has_direction, across, other)


def _reject(vectors, axis):
    return vectors - ops.sum(vectors * axis, axis=-1, keepdims=True) * axis
