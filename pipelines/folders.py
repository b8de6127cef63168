"""The files below a folder."""

import os

from pipelines.file_errors import reading


def walk(root):
    """Yields an `os.DirEntry` for each file below a folder, in no particular order.

    Hidden files and folders are passed over; links are followed, each folder once.

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
        with reading(folder), os.scandir(folder) as entries:
            entries = [(entry, entry.is_dir(), entry.is_file()) for entry in entries]
        for entry, is_folder, is_file in entries:
            if entry.name.startswith("."):
                continue
            if is_folder:
                folders.append(entry.path)
            elif is_file:
                yield entry
