"""Compares NTU RGB+D's pipeline with a simple reader: `python -m pipelines.benchmark`."""

import io
import pathlib
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from absl import flags

from pipelines.command_line import new_flags, parse_flags, refuse_words, run_command
from pipelines.console import say
from pipelines.errors import SourceError
from pipelines.library_logs import import_tensorflow, tfds_quiet
from pipelines.ntu_rgbd.examples import read_example
from pipelines.ntu_rgbd.source import SkeletonFile, open_source
from pipelines.ntu_sample.generate import generate_files

_USAGE = "python -m pipelines.benchmark [--source=PATH] [--files=20] [--repeats=7]"
_BODY_KEYS = "id edges left left_sure right right_sure restricted lean_x lean_y state".split()
_JOINT_KEYS = (
    "x y z depth_x depth_y color_x color_y w rotation_x rotation_y rotation_z state".split()
)
_HIP, _SPINE, _LEFT_SHOULDER, _RIGHT_SHOULDER = 0, 1, 4, 8


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit code."""
    return run_command(_run, arguments)


def _run(arguments):
    """Parses the command line, runs the benchmark and prints its table."""
    values = new_flags()
    source_help = "folder or original archive of .skeleton files; generated if not given"
    flags.DEFINE_string("source", None, source_help, flag_values=values)
    flags.DEFINE_integer("files", 20, "number of files to read", 1, flag_values=values)
    repeats_help = "interleaved timed runs of each reader; the median is reported"
    flags.DEFINE_integer("repeats", 7, repeats_help, 1, flag_values=values)
    refuse_words(parse_flags(values, arguments))
    if values.help:
        say(f"usage: {_USAGE}\n{values.get_help()}")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        if not values.source:
            generate_files(folder, values.files)
        files = open_source(values.source or folder).files()[: values.files]
        size = statistics.mean(file.size for file in files) / 1000
        say(f"files: {len(files)}, {size:.0f} kB on average; CPU time, medians in turn\n")
        say(f"{'':<44}{'ms per file':>11}{'files per second and core':>26}{'ratio':>8}")
        for row in benchmark(files, values.repeats):
            say(
                f"{row['reader']:<44}{row['seconds'] * 1e3:>11.2f}"
                f"{1 / row['seconds']:>26.1f}{row['ratio']:>8.1f}"
            )
    return 0


def benchmark(files: Sequence[SkeletonFile], repeats: int) -> list[dict[str, Any]]:
    """Times both readers on the same files, in turn, in this process.

    Args:
        files: skeleton files from `pipelines.ntu_rgbd.source`.
        repeats: how often each reader is timed.

    Returns:
        A dictionary for each reader: `reader`, its name; `seconds`, the median CPU time per file;
        `ratio`, its median speed relative to the first reader.

    Raises:
        SourceError: if a file is damaged.
    """
    for file in files:
        _example(file)  # the simple reader cannot describe damage
    with tempfile.TemporaryDirectory() as folder:
        write = _record_writer(pathlib.Path(folder))
        readers: dict[str, Callable[[], object]] = {
            "line by line, rotated joint by joint": lambda: [read_naively(file) for file in files],
            "the pipeline: parsed, tracked, written": lambda: write(map(_example, files)),
        }
        seconds: dict[str, list[float]] = {name: [] for name in readers}
        for turn in range(repeats + 1):
            for name, read in readers.items():
                start = time.process_time()
                read()
                if turn:  # the first turn is a warm-up
                    seconds[name].append((time.process_time() - start) / len(files))
    first = next(iter(seconds.values()))
    return [
        {
            "reader": name,
            "seconds": statistics.median(times),
            "ratio": statistics.median(a / b for a, b in zip(first, times, strict=True)),
        }
        for name, times in seconds.items()
    ]


def read_naively(file: SkeletonFile) -> np.ndarray:
    """Returns the joints of a skeleton file `(frames, bodies, 25, 3)`, seen from the front.

    This is the obvious first implementation: every number goes into a dictionary, and every joint
    is moved and rotated separately, spine to z and shoulders to x. A body is identified by its
    position in the frame.
    """
    lines = io.TextIOWrapper(io.BytesIO(file.read()), "ascii")
    frames = [_read_bodies(lines) for _ in range(int(lines.readline()))]
    joints = np.zeros((len(frames), max(map(len, frames)), 25, 3))
    for frame, bodies in enumerate(frames):
        for index, body in enumerate(bodies):
            for joint, values in enumerate(body["joints"]):
                joints[frame, index, joint] = values["x"], values["y"], values["z"]
    first = next(index for index, bodies in enumerate(frames) if bodies)
    origin = joints[first, 0, _SPINE].copy()
    _each_joint(joints, lambda joint: joint - origin)
    for start, end, axis in (
        (_HIP, _SPINE, (0, 0, 1)),
        (_RIGHT_SHOULDER, _LEFT_SHOULDER, (1, 0, 0)),
    ):
        rotation = _rotation(joints[first, 0, end] - joints[first, 0, start], axis)
        _each_joint(joints, lambda joint, rotation=rotation: np.dot(rotation, joint))
    return joints


def _read_bodies(lines):
    """Returns the bodies of the next frame."""
    bodies = []
    for _ in range(int(lines.readline())):
        body = dict(zip(_BODY_KEYS, map(float, lines.readline().split()), strict=True))
        body["joints"] = []
        for _ in range(int(lines.readline())):
            values = map(float, lines.readline().split())
            body["joints"].append(dict(zip(_JOINT_KEYS, values, strict=True)))
        bodies.append(body)
    return bodies


def _each_joint(joints, function):
    """Replaces every joint of every body that was seen."""
    for frame in joints:
        for body in frame:
            if body.any():
                for index, joint in enumerate(body):
                    body[index] = function(joint)


def _rotation(start, end):
    """Returns the matrix that rotates one direction into another, the short way (Rodrigues)."""
    start, end = np.array(start) / np.linalg.norm(start), np.array(end) / np.linalg.norm(end)
    x, y, z = np.cross(start, end)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + cross + cross @ cross / (1 + start @ end)


def _example(file):
    """Returns a file's (key, example)."""
    example = read_example(file, "tracked")
    if isinstance(example, str):
        raise SourceError(example)
    return file.name, example


def _record_writer(folder):
    """Returns a function that writes examples as the build writes a shard."""
    import_tensorflow()
    from tensorflow_datasets.core import example_serializer, writer

    from pipelines.ntu_rgbd.builder import NtuRgbd

    with tfds_quiet():
        builder = NtuRgbd(config="ntu120", data_dir=folder)
    features = builder.info.features
    serializer = example_serializer.ExampleSerializer(features.get_serialized_info())
    shard_writer = writer.ShardWriter(features, serializer, builder._example_writer())
    return lambda examples: shard_writer.write(examples, folder / "shard.tfrecord")


if __name__ == "__main__":
    sys.exit(main())
