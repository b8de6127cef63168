"""Draws how a trained model comes to a prediction: `python -m nrnm_keras.visualize --model=RUN`."""

import contextlib
import itertools
import math
import os
import pathlib
import sys
import warnings

import keras
from absl import flags

from nrnm_keras.commands.command_line import define_source_limit, run_command
from nrnm_keras.errors import UsageError
from nrnm_keras.inference.analysis.attention import attention_of_writes
from nrnm_keras.inference.analysis.directions import recurrent_directions
from nrnm_keras.inference.analysis.influence import influence_by_distance
from nrnm_keras.inference.analysis.memory_trace import trace_memories
from nrnm_keras.inference.analysis.running_prediction import running_prediction
from nrnm_keras.inference.analysis.text_reading import read_text
from nrnm_keras.inference.analysis.time_steps import name_time_steps
from nrnm_keras.inference.batches import as_batch
from nrnm_keras.inference.raw_inputs import one_text, read_inputs
from nrnm_keras.inference.trained_model import SKELETON, TEXT, TrainedModel
from nrnm_keras.models.decision import most_probable
from nrnm_keras.plots.attended_frames import draw_attended_frames
from nrnm_keras.plots.attended_page import write_attended_page
from nrnm_keras.plots.attended_words import draw_attended_words
from nrnm_keras.plots.attention_maps import draw_attention_maps
from nrnm_keras.plots.canvas import can_draw
from nrnm_keras.plots.influence import draw_influence
from nrnm_keras.plots.memory_trace import draw_memory_trace
from nrnm_keras.plots.running_prediction import draw_running_prediction
from nrnm_keras.plots.sheet import noted, number_drawn
from nrnm_keras.plots.skeleton_animation import draw_skeleton_animation
from nrnm_keras.preprocessing import LAYOUTS, SkeletonPreprocessor
from pipelines import locks
from pipelines.console import say
from pipelines.escaping import for_terminal
from pipelines.limits import LINE, in_bytes, read_file
from pipelines.ntu_rgbd.examples import BODIES
from pipelines.publishing import folder_made, leftovers, publish_into

_USAGE = (
    "python -m nrnm_keras.visualize --model=RUN [--beside=RUN] --output=FOLDER "
    "(--text=TEXT | --input=FILE [--index=N])"
)

# How many writes are drawn on a page, and how many pages at most.
_MAPS, _STRIPS, _MOST_PAGES = 18, 5, 3
_MOST_MEMORIES = 6


def main(arguments=None):
    """Runs the command and returns its exit code."""
    return run_command(_run, _define_flags(), _USAGE, arguments)


def explain(trained, raw, folder):
    """Draws what the memories attend to for one input, and the prediction as it comes about.

    - `attention_LAYER.png`: a heat map for each write to a memory, its source units named. Of many
      writes the first 54 are drawn, on three pages, and of many memories the first 6.
    - Texts: `words.png` and the web page `words.html`, the text with its words shaded by attention,
      and the running prediction.
    - Skeletons: `frames_LAYER.png`, the frames of each write's block beside its attention, for the
      first 15 writes; `prediction.gif`, the moving skeleton with the running prediction.
    - Skeletons and sequences: `prediction.png`, the running prediction.

    Of a model without attention, only what does not need it.

    Args:
        trained: `TrainedModel`.
        raw: a batch of one raw input, as the model takes it.
        folder: `pathlib.Path`, made if it is not there. Files in it that have the pictures' names
            are replaced, when all pictures are drawn.

    Returns:
        List of the paths of the pictures.

    Raises:
        UsageError: if matplotlib is missing, Keras does not run on TensorFlow, or the folder cannot
            be written.
    """
    _check_environment()
    attentions = attention_of_writes(recurrent_directions(trained, raw))
    with _claimed(pathlib.Path(folder)):
        return _draw_into(folder, lambda fresh: _draw_explanation(trained, raw, attentions, fresh))


def _define_flags():
    values = flags.FlagValues()
    for name, text in (
        ("model", "folder of a finished run, or its model.keras"),
        ("beside", "another run whose gradients are drawn beside the model's, such as an LSTM's"),
        ("output", "folder for the pictures, a new or an empty one"),
        ("text", "a text"),
        (
            "input",
            "a text, .txt, or texts, .csv, .tsv or .jsonl; a skeleton, .skeleton or NW-UCLA's "
            ".json; sequences, .npz or .ts",
        ),
    ):
        flags.DEFINE_string(name, None, text, flag_values=values)
    flags.DEFINE_integer(
        "index", 0, "which input of a file with many, from 0", lower_bound=0, flag_values=values
    )
    flags.DEFINE_enum(
        "ntu_bodies", "tracked", list(BODIES), "as in the model's training", flag_values=values
    )
    define_source_limit(values)
    return values


def _run(flags, arguments):
    _check_environment()
    _check_flags(flags)
    folder = pathlib.Path(flags.output).expanduser()
    if not (folder / locks.FILE_NAME).exists():  # no process draws there, or was killed
        _check_empty(folder)
    with _claimed(folder, arguments) as lock:
        if lock.repeats and not _is_empty(folder):
            say(f"{folder}: drawn by the process that was waited for")
            return
        _check_empty(folder)
        _draw(flags, folder)


def _draw(flags, folder):
    """Draws all that the flags ask for into a folder."""
    trained = TrainedModel.load(flags.model)
    raw = as_batch(trained.kind, [_read(flags, trained)])
    beside = _load_beside(flags, trained)

    directions = recurrent_directions(trained, raw)
    attentions = attention_of_writes(directions)

    def draw(folder):
        _draw_explanation(trained, raw, attentions, folder)
        if traces := trace_memories(directions):
            time_steps = name_time_steps(trained, raw)
            draw_memory_trace(traces, time_steps, folder / "memory.png", "The memory over time")
        networks = {flags.model: trained, **({flags.beside: beside} if beside else {})}
        _draw_influence(networks, raw, folder)

    if not attentions:
        say(f"no attention is drawn: {_why_no_attention(directions)}")
    for path in _draw_into(folder, draw):
        say(for_terminal(path))


def _check_environment():
    if not can_draw():
        raise UsageError("pictures need matplotlib: pip install nrnm-keras[plot]")
    if keras.backend.backend() != "tensorflow":
        raise UsageError("pictures need KERAS_BACKEND=tensorflow, whatever trained the model")


def _check_flags(flags):
    if not flags.model:
        raise UsageError("no --model given; expected the folder of a finished run")
    if (flags.text is None) == (flags.input is None):
        raise UsageError("give one of --text and --input")
    if flags.input == "":
        raise UsageError("--input is empty; expected a file")
    if not flags.output:
        raise UsageError("no --output given; expected a folder for the pictures")


@contextlib.contextmanager
def _claimed(folder, arguments=()):
    """Waits until no other process draws there, and gives the lock that keeps others waiting."""
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(folder_made(folder))
            task = [os.getcwd(), *arguments]
            lock = stack.enter_context(locks.claimed_folder(folder, task))
        except OSError as error:
            raise _unusable(folder, error) from error
        yield lock


def _unusable(folder, error):
    return UsageError(f"{folder} cannot be written: {error.strerror}")


def _check_empty(folder):
    if os.path.lexists(folder) and not _is_empty(folder):
        raise UsageError(f"--output={folder} is not an empty folder; choose another")


def _is_empty(folder):
    """Whether a folder holds at most what belongs to a process that draws into it, or did."""
    passing = {folder / locks.FILE_NAME, *leftovers(folder)}
    return folder.is_dir() and set(folder.iterdir()) <= passing


def _read(flags, trained):
    """Returns the raw input that the flags name."""
    inputs = _inputs(flags, trained)
    if flags.index >= inputs.count:
        raise UsageError(f"--index={flags.index}: the inputs are numbered 0 to {inputs.count - 1}")
    _, value = next(itertools.islice(inputs.read(), flags.index, None))
    return value


def _inputs(flags, trained):
    if flags.text is not None:
        return one_text(flags.text, trained)
    limit = in_bytes(flags.source_limit_mb, None)
    if not flags.input.lower().endswith(".txt"):
        return read_inputs(flags.input, trained, flags.ntu_bodies, limit)
    try:
        content = read_file(pathlib.Path(flags.input).expanduser(), limit or LINE)
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"--input={flags.input}: not UTF-8 text ({error})") from error
    if not text.strip():
        raise UsageError(f"--input={flags.input}: no words in it")
    return one_text(text, trained)


def _load_beside(flags, trained):
    """Returns the other model, which must take the same raw input, or None."""
    if not flags.beside:
        return None
    beside = TrainedModel.load(flags.beside)
    shapes = [model.model.inputs[0].shape for model in (trained, beside)]
    if beside.kind != trained.kind or shapes[0] != shapes[1]:
        raise UsageError(
            f"--beside={flags.beside} takes {beside.kind}s {shapes[1]}, the other model "
            f"{trained.kind}s {shapes[0]}; expected two models of the same data"
        )
    return beside


def _describe(trained, path):
    return f"{trained.classifier.backbone.title} ({path})"


def _draw_into(folder, draw):
    """Draws into a folder; nothing appears there before all is drawn. Returns the paths."""
    folder = pathlib.Path(folder)
    try:
        with publish_into(folder) as fresh, warnings.catch_warnings():
            # A sign that the font lacks becomes a box.
            warnings.filterwarnings("ignore", "Glyph .* missing from font")
            draw(fresh)
            names = sorted(file.name for file in fresh.iterdir())
        return [folder / name for name in names]
    except OSError as error:
        raise _unusable(folder, error) from error


def _draw_explanation(trained, raw, attentions, folder):
    """Draws the pictures of `explain`."""
    time_steps = name_time_steps(trained, raw)
    for attention in attentions[:_MOST_MEMORIES]:
        weights = attention.weights.mean(axis=1)
        for part, name, title in _pages(attention, _MAPS, len(attentions)):
            draw_attention_maps(
                weights[part],
                attention.steps[part],
                time_steps,
                (weights.min(), weights.max()),
                folder / f"attention_{name}.png",
                title,
                first_write=part.start + 1,
            )
    if trained.kind == TEXT:
        _draw_text(trained, raw, attentions, folder)
        return
    running = running_prediction(trained, raw)
    title = f"Prediction: {_prediction(running, trained.class_names)}"
    path = folder / "prediction.png"
    draw_running_prediction(running, trained.class_names, time_steps.unit, path, title)
    if trained.kind == SKELETON:
        _draw_skeletons(trained, raw[0], time_steps, attentions, running, folder)


def _draw_text(trained, raw, attentions, folder):
    reading = read_text(trained, raw, attentions)
    title = f"Prediction: {_prediction(reading.running, trained.class_names)}"
    draw_attended_words(reading, folder / "words.png", title)
    write_attended_page(reading, folder / "words.html", title)


def _draw_skeletons(trained, joints, time_steps, attentions, running, folder):
    layers = trained.network.layers
    (preprocessor,) = (layer for layer in layers if isinstance(layer, SkeletonPreprocessor))
    parents = LAYOUTS[preprocessor.layout].parents
    for attention in attentions[:_MOST_MEMORIES]:
        weights = attention.weights.mean(axis=1)
        for part, name, title in _pages(attention, _STRIPS, len(attentions)):
            draw_attended_frames(
                weights[part],
                attention.steps[part],
                time_steps.numbers,
                joints,
                parents,
                (weights.min(), weights.max()),
                folder / f"frames_{name}.png",
                title,
                first_write=part.start + 1,
            )
    path = folder / "prediction.gif"
    title = f"After all {len(joints)} frames: {_prediction(running, trained.class_names)}"
    draw_skeleton_animation(joints, parents, running, trained.class_names, path, title)


def _pages(attention, most_on_page, memories=1):
    """Yields for each page its writes, as a slice, its name for a file, and its title."""
    writes, heads, *_ = attention.weights.shape
    drawn = min(writes, most_on_page * _MOST_PAGES)
    pages = math.ceil(drawn / most_on_page)
    for page in range(pages):
        part = slice(page * drawn // pages, (page + 1) * drawn // pages)
        name = attention.name.replace(", ", "_").replace(" ", "_")
        title = f"Attention of the memory's writes: {attention.name}, mean over {heads} heads"
        if pages > 1:
            name += f"_{page + 1}"
            title += f"; writes {part.start + 1} to {part.stop} of {writes}"
        if drawn < writes:
            title += f" (the first {drawn} are drawn)"
        if memories > _MOST_MEMORIES:
            title = noted(title, number_drawn(_MOST_MEMORIES, memories, "memories"))
        yield part, name, title


def _draw_influence(networks, raw, folder):
    """Draws the influence in `TrainedModel`s by their paths."""
    influences = {
        _describe(trained, path): influence_by_distance(trained, raw)
        for path, trained in networks.items()
    }
    title = "How far back the network's state depends on its input"
    draw_influence(influences, folder / "influence.png", title)


def _prediction(running, class_names):
    probabilities = running.probabilities[-1]
    return f"{class_names[most_probable(probabilities)]} ({probabilities.max():.2f})"


def _why_no_attention(directions):
    """Returns in words why no memory has attended to anything."""
    memories = [direction for direction in directions if direction.has_memory]
    if not memories:
        return "the model has no memory"
    if memories[0].layer.cell.interaction != "self_attention":
        return "the memory of the model mixes its block without attention"
    steps = memories[0].sequences.shape[1]
    return f"of {steps} time steps there is no write to the memory yet"


if __name__ == "__main__":
    sys.exit(main())
