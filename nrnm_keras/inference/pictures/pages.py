"""The writes of a memory on a few pages."""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from nrnm_keras.plots.sheet import noted, number_drawn

if TYPE_CHECKING:
    from nrnm_keras.inference.analysis.attention import Attention

MOST_MEMORIES = 6
_MOST_PAGES = 3


def pages(
    attention: "Attention", most_on_page: int, memories: int = 1
) -> Iterator[tuple[slice, str, str]]:
    """Yields the writes of each page, as a slice, its name in file names, and its title.

    Args:
        attention: the `Attention`.
        most_on_page: the number of writes that fit on a page.
        memories: the number of memories, of which the first 6 are drawn.
    """
    writes, heads, *_ = attention.weights.shape
    drawn = min(writes, most_on_page * _MOST_PAGES)
    number = math.ceil(drawn / most_on_page)
    for page in range(number):
        part = slice(page * drawn // number, (page + 1) * drawn // number)
        name = attention.name.replace(", ", "_").replace(" ", "_")
        title = f"Attention of the memory's writes: {attention.name}, mean over {heads} heads"
        if number > 1:
            name += f"_{page + 1}"
            title += f"; writes {part.start + 1} to {part.stop} of {writes}"
        if drawn < writes:
            title += f" (the first {drawn} are drawn)"
        if memories > MOST_MEMORIES:
            title = noted(title, number_drawn(MOST_MEMORIES, memories, "memories"))
        yield part, name, title
