"""Times NTU RGB+D's pipeline beside a straightforward reader: `python -m pipelines.benchmark`."""

import io
import os
import pathlib
import statistics
import sys
import tempfile
import time

import numpy as np
from absl import flags

from pipelines.build import tfds_quiet
from pipelines.console import MENDABLE, command_output, say, say_error, words_for
from pipelines.errors import SourceError
from pipelines.escaping import quoted
from pipelines.library_logs import define_verbose, import_tensorflow
from pipelines.ntu_rgbd.examples import read_example
from pipelines.ntu_rgbd.source import open_source
from pipelines.ntu_sample.generate import generate_files

_USAGE = "python -m pipelines.benchmark [--source=PATH] [--files=20] [--repeats=7]"
_BODY_KEYS = "id edges left left_sure right right_sure restricted lean_x lean_y state".split()
_JOINT_KEYS = (
    "x y z depth_x depth_y color_x color_y w rotation_x rotation_y rotation_z state".split()
)
_HIP, _SPINE, _LEFT_SHOULDER, _RIGHT_SHOULDER = 0, 1, 4, 8


def main(arguments=None):
    """Runs the command and returns its exit code."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    values = flags.FlagValues()
    source_help = "folder or original archive of .skeleton files; without it some are generated"
    flags.DEFINE_string("source", None, source_help, flag_values=values)
    flags.DEFINE_integer("files", 20, "how many of them to read", 1, flag_values=values)
    flags.DEFINE_integer(
        "repeats", 7, "timed runs of each reader, in turn; the median counts", 1, flag_values=values
    )
    flags.DEFINE_boolean("help", False, "show this help", short_name="h", flag_values=values)
    define_verbose(values)
    with command_output():
        try:
            rest = values(["", *arguments])[1:]
            if rest:
                raise SourceError(
                    f"unexpected argument {quoted(rest[0])}; flags are written --name=value"
                )
            if values.help:
                say(f"usage: {_USAGE}\n{values.get_help()}")
            else:
                _run(values)
            return 0
        except MENDABLE as error:
            say_error(words_for(error))
            return 1


def _run(values):
    with tempfile.TemporaryDirectory() as folder:
        if not values.source:
            generate_files(folder, values.files)
        files = open_source(values.source or folder).files()[: values.files]
        size = statistics.mean(file.size for file in files) / 1000
        say(f"files: {len(files)}, {size:.0f} kB on average; CPU time, medians in turn\n")
        say(f"{'':<44}{'ms a file':>11}{'files a second and core':>26}{'ratio':>8}")
        for row in benchmark(files, values.repeats):
            say(
                f"{row['reader']:<44}{row['seconds'] * 1e3:>11.2f}"
                f"{1 / row['seconds']:>26.1f}{row['ratio']:>8.1f}"
            )


def benchmark(files, repeats):
    """Times both readers on the same files, interleaved, in this process.

    Args:
        files: list of skeleton files, as of `pipelines.ntu_rgbd.source`.
        repeats: integer, how often each reader is timed.

    Returns:
        A list of dictionaries: `reader`; `seconds`, the median of the CPU time for a file; `ratio`,
        the median of how many times the first reader's rate it has.

    Raises:
        SourceError: if a file is damaged.
    """
    for file in files:
        _example(file)  # the straightforward reader has no words for damage
    with tempfile.TemporaryDirectory() as folder:
        write = _record_writer(pathlib.Path(folder))
        readers = {
            "line by line, rotated joint by joint": lambda: [read_naively(file) for file in files],
            "the pipeline: parsed, tracked, written": lambda: write(map(_example, files)),
        }
        seconds = {name: [] for name in readers}
        for turn in range(repeats + 1):
            for name, read in readers.items():
                start = time.process_time()
                read()
                if turn:  # the first is to warm up
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


def read_naively(file):
    """Returns the joints of a skeleton file `(frames, bodies, 25, 3)`, seen from the front.

    It is what one writes first: every number goes into a dictionary, and every joint is moved and
    rotated by itself, spine to z and shoulders to x. Bodies are told apart by their place.
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
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"  # TensorFlow would take the GPU's memory for nothing
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
