"""Lists the files below a folder."""

import os
from collections.abc import Iterator

from pipelines.file_errors import reading
from pipelines.paths import StrPath


def walk(root: StrPath) -> Iterator[os.DirEntry[str]]:
    """Yields each file below a folder, in no particular order.

    Hidden files and folders are skipped. Links are followed, but no folder is visited twice.

    Raises:
        SourceError: naming a folder that cannot be read.
    """
    folders, seen = [os.fspath(root)], set()
    while folders:
        folder = folders.pop()
        real = os.path.realpath(folder)
        if real in seen:
            continue
        seen.add(real)
        with reading(folder), os.scandir(folder) as found:
            entries = [(entry, entry.is_dir(), entry.is_file()) for entry in found]
        for entry, is_folder, is_file in entries:
            if entry.name.startswith("."):
                continue
            if is_folder:
                folders.append(entry.path)
            elif is_file:
                yield entry
