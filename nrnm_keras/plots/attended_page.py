"""Web page of a text: the attention that its words received, and its running prediction."""

import base64
import io
import itertools
import pathlib

import numpy as np

from nrnm_keras.plots.attended_words import LONGEST_WORD, attention_limits, explain, shade
from nrnm_keras.plots.colors import BLUE, ORANGE, scale_limits
from nrnm_keras.plots.running_prediction import draw_running_prediction
from nrnm_keras.plots.text_reading import TextReading
from pipelines.escaping import cut, for_html

_MOST_WORDS = 10_000
# The page is self-contained: it works wherever it is moved, and loads nothing from a server.
_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ font: 1rem/2 sans-serif; color: black; background: white; max-width: 60rem;
  margin: 2rem auto; padding: 0 1rem; }}
h1 {{ font-size: 1.3rem; line-height: 1.3; }}
.note {{ font-size: 0.85rem; line-height: 1.5; color: #444444; }}
.words {{ overflow-wrap: anywhere; }}
.word {{ padding: 0.1em 0.15em; border-bottom: 3px solid; }}
.unknown {{ font-style: italic; }}
.unread {{ color: #666666; }}
img {{ max-width: 100%; }}
</style>
</head>
<body>
<h1>{title}</h1>
<p class="note">{explanation}</p>
{scales}<p class="words">{words}</p>
<p><img alt="Running prediction" src="data:image/png;base64,{plot}"></p>
</body>
</html>
"""
_SCALE = (
    '<p class="note">{name}: <span style="background: linear-gradient(to right, '
    'white, {color}); border: 1px solid #666666; padding: 0 5em; margin-right: 0.5em"></span>'
    "from {limits}</p>\n"
)


def write_attended_page(reading: TextReading, path: pathlib.Path, title: str) -> None:
    """Writes a web page: the text with shaded words, and its running prediction.

    The page needs no other file and runs no scripts.

    Args:
        reading: `TextReading`.
        path: `pathlib.Path` of the page.
        title: its heading.
    """
    plot = io.BytesIO()
    draw_running_prediction(
        reading.running, reading.class_names, "word", plot, "Running prediction"
    )
    limits = scale_limits(*attention_limits(reading))
    attention = f"{limits[0]:.2f} to {limits[1]:.2f} times uniform attention"
    name = cut(reading.class_names[reading.label], LONGEST_WORD)
    scales = [_SCALE.format(name=for_html(f"probability of {name}"), color=BLUE, limits="0 to 1")]
    if reading.has_attention:
        scales.insert(0, _SCALE.format(name="attention received", color=ORANGE, limits=attention))
    page = _PAGE.format(
        title=for_html(title),
        explanation=for_html(explain(reading, min(len(reading.words), _MOST_WORDS))),
        scales="".join(scales),
        words=_words(reading, limits),
        plot=base64.b64encode(plot.getvalue()).decode(),
    )
    path.write_text(page, encoding="utf-8")


def _words(reading, limits):
    """Returns the words as HTML, each with its shade, its line and a tooltip with their values."""
    name = cut(reading.class_names[reading.label], LONGEST_WORD)
    spans = []
    each = zip(
        reading.words,
        reading.is_known,
        reading.received,
        reading.probability_by_word,
        strict=True,
    )
    words = itertools.islice(enumerate(each), _MOST_WORDS)
    for index, (word, is_known, received, probability) in words:
        if reading.num_cut and index == reading.cut_at:
            gap = f"[ … {reading.num_cut} words are not read … ]"
            spans.append(f'<span class="unread">{gap}</span>')
        word, classes = cut(word, LONGEST_WORD), "" if is_known else " unknown"
        says = [f"word {index + 1}"]
        if np.isfinite(received):
            says.append(f"attention {received:.2f}")
        elif reading.has_attention:
            classes += " unread"
        says.append(f"probability of {name} after it {probability:.2f}")
        spans.append(
            f'<span class="word{classes}" title="{for_html(", ".join(says))}" '
            f'style="background: {shade(received, *limits)}; '
            f'border-color: {shade(probability, 0, 1, BLUE)}">{for_html(word)}</span>'
        )
    return "\n".join(spans)
