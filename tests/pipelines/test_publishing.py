import contextlib
import doctest
import errno
import os
import pathlib
import resource
import signal
import sys

import pytest

import pipelines.publishing
from pipelines.publishing import (
    folder_made,
    leftovers,
    make_folder,
    publish,
    publish_into,
    remove_leftovers,
)

# What is there before, and what is published: texts are files, dictionaries folders.
OLD_FILE, NEW_FILE = "old", "new, and longer"
OLD_FOLDER = {"a": "old", "only old": {"b": "old"}}
NEW_FOLDER = {"a": "new", "only new": {"c": "new" * 1000}}
SWAPS = [(old, new) for old in (None, OLD_FILE, OLD_FOLDER, {}) for new in (NEW_FILE, NEW_FOLDER)]
# A process is started for every call of each, which takes seconds.
QUICK_SWAPS = [(None, NEW_FOLDER), (OLD_FILE, NEW_FILE), (OLD_FOLDER, NEW_FOLDER)]
# More file system calls than any of these makes.
MANY = 200


def write(path, content):
    if isinstance(content, str):
        path.write_text(content)
    elif content is not None:
        path.mkdir()
        for name, part in content.items():
            write(path / name, part)


def read(path):
    if path.is_dir():
        return {each.name: read(each) for each in path.iterdir()}
    return path.read_text() if os.path.lexists(path) else None


def at_call(number, function):
    """Makes the process call a function before its file system call of a number, from 0."""
    left = number

    def count(event, args):
        nonlocal left
        is_call = event.startswith(("os.", "shutil.", "tempfile.")) or event == "open"
        if is_call and event != "os.kill":
            left -= 1
            if left == -1:
                function()

    sys.addaudithook(count)


def in_a_process(work):
    """Runs a function in a process of its own, and returns whether that came to its end."""
    process = os.fork()
    if not process:
        try:
            work()
            os._exit(0)
        except KeyboardInterrupt:
            os._exit(2)
        finally:
            os._exit(1)
    _, status = os.waitpid(process, 0)
    is_killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    assert is_killed or os.WEXITSTATUS(status) in (0, 2)
    return not status


@pytest.fixture
def quick(monkeypatch):
    """Without waiting for the disk, which does not die with a process."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


def kill():
    os.kill(os.getpid(), signal.SIGKILL)


def interrupt():
    raise KeyboardInterrupt


def publish_new(place, new):
    with publish(place) as path:
        write(path, new)


def stops():
    for stop in (kill, interrupt):
        for swap in SWAPS:
            quick = stop is kill and swap in QUICK_SWAPS
            yield pytest.param(stop, *swap, marks=[] if quick else pytest.mark.slow)


@pytest.mark.parametrize(("old", "new"), SWAPS)
def test_new_takes_the_place_of_old(old, new, tmp_path):
    write(tmp_path / "thing.txt", old)
    with publish(tmp_path / "thing.txt") as path:
        assert path.name == "thing.txt" and path.parent != tmp_path
        write(path, new)
        assert read(tmp_path / "thing.txt") == old
    assert read(tmp_path) == {"thing.txt": new}


@pytest.mark.parametrize(("stop", "old", "new"), list(stops()))
def test_stopped_at_any_moment(stop, old, new, tmp_path, quick):
    for number in range(MANY):
        folder = tmp_path / str(number)
        folder.mkdir()
        write(folder / "thing", old)

        def work(number=number, folder=folder):
            at_call(number, stop)
            publish_new(folder / "thing", new)

        is_through = in_a_process(work)
        # A folder takes something's place in two steps: for a moment neither is there.
        is_file_for_file = isinstance(old, str) and isinstance(new, str)
        assert read(folder / "thing") in (old, new, *([] if is_file_for_file else [None]))
        remove_leftovers(folder, "thing")
        there = read(folder)
        assert there in ({"thing": new}, {} if old is None else {"thing": old})
        publish_new(folder / "thing", new)
        assert read(folder) == {"thing": new}
        if is_through:
            assert there == {"thing": new}
            return
    raise AssertionError("never through")


@pytest.mark.slow
def test_removing_what_is_left_may_be_stopped_at_any_moment_too(tmp_path, quick):
    def killed_publishing(number, folder):
        at_call(number, kill)
        publish_new(folder / "thing", NEW_FOLDER)

    def killed_removing(number, folder):
        at_call(number, kill)
        remove_leftovers(folder, "thing")

    for first in range(0, MANY, 3):
        for second in range(0, MANY, 5):
            folder = tmp_path / f"{first}_{second}"
            folder.mkdir()
            write(folder / "thing", OLD_FOLDER)
            published = in_a_process(lambda: killed_publishing(first, folder))  # noqa: B023
            removed = in_a_process(lambda: killed_removing(second, folder))  # noqa: B023
            remove_leftovers(folder, "thing")
            assert read(folder) in ({"thing": OLD_FOLDER}, {"thing": NEW_FOLDER})
            if published:
                return
            if removed:
                break


def test_a_set_of_files_appears_whole_or_not_at_all(tmp_path, quick):
    new = {"a": "new", "b": {"c": "new"}, "replaced": "new", "replaced folder": {"d": "new"}}
    old = {"mine": "mine", "replaced": "old", "replaced folder": {"e": "old"}}
    for number in range(MANY):
        folder = tmp_path / str(number)
        write(folder, old)

        def work(number=number, folder=folder):
            at_call(number, kill)
            with publish_into(folder) as fresh:
                for name, content in new.items():
                    write(fresh / name, content)

        is_through = in_a_process(work)
        remove_leftovers(folder)
        there = read(folder)
        assert there["mine"] == "mine"
        assert all(
            there[name] in (old[name], new[name]) for name in ("replaced", "replaced folder")
        )
        assert set(there) in (set(old), {*old, *new})
        if is_through:
            assert there == {**old, **new}
            return
    raise AssertionError("never through")


@pytest.mark.parametrize(("old", "new"), SWAPS)
def test_full_disk_changes_nothing_and_can_be_done_again(old, new, tmp_path):
    write(tmp_path / "thing", old)

    def work():
        resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))
        with contextlib.suppress(OSError):
            publish_new(tmp_path / "thing", new)
            os._exit(1)

    assert in_a_process(work)
    assert read(tmp_path) == ({} if old is None else {"thing": old})
    publish_new(tmp_path / "thing", new)
    assert read(tmp_path) == {"thing": new}


def test_all_of_it_is_on_the_disk_before_it_has_its_name(tmp_path, monkeypatch):
    synced, fsync, replace = set(), os.fsync, os.replace
    before, after = [], []

    def record(descriptor):
        fsync(descriptor)
        synced.add(os.fstat(descriptor).st_ino)

    def replace_and_compare(source, target):
        tree = [source, *pathlib.Path(source).rglob("*")]
        before.append({path.stat().st_ino for path in tree} <= synced)
        synced.clear()
        replace(source, target)

    monkeypatch.setattr(os, "fsync", record)
    monkeypatch.setattr(os, "replace", replace_and_compare)
    for name, content in (("file", NEW_FILE), ("folder", NEW_FOLDER), ("folder", OLD_FOLDER)):
        publish_new(tmp_path / name, content)
        after.append(tmp_path.stat().st_ino in synced)
    assert before == after == [True] * 3


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP])
def test_file_system_that_does_not_sync_folders(number, tmp_path, monkeypatch):
    def fsync(descriptor):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fsync)
    publish_new(tmp_path / "folder", NEW_FOLDER)
    assert read(tmp_path) == {"folder": NEW_FOLDER}


def test_disk_that_fails_when_it_is_to_be_durable(tmp_path, monkeypatch):
    def fsync(descriptor):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    write(tmp_path / "folder", OLD_FOLDER)
    with monkeypatch.context() as patch, pytest.raises(OSError, match="Input/output"):
        patch.setattr(os, "fsync", fsync)
        publish_new(tmp_path / "folder", NEW_FOLDER)
    assert read(tmp_path) == {"folder": OLD_FOLDER}


def test_names_cannot_be_told_and_only_the_owner_sees_inside(tmp_path):
    names = set()
    for _ in range(3):
        with publish(tmp_path / "thing") as path:
            (aside,) = tmp_path.glob(".thing.*")
            assert aside.stat().st_mode & 0o777 == 0o700
            names.add(aside.name)
            path.write_text("")
    assert len(names) == 3


@pytest.mark.parametrize("umask", [0o022, 0o002, 0o077])
def test_permissions_are_those_of_any_file(umask, tmp_path):
    before = os.umask(umask)
    try:
        publish_new(tmp_path / "file", NEW_FILE)
        publish_new(tmp_path / "folder", NEW_FOLDER)
    finally:
        os.umask(before)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o666 & ~umask
    assert (tmp_path / "folder").stat().st_mode & 0o777 == 0o777 & ~umask


@pytest.mark.parametrize("new", [NEW_FILE, NEW_FOLDER])
@pytest.mark.parametrize("target", [OLD_FILE, OLD_FOLDER, None])
def test_of_a_link_only_the_link_is_replaced(target, new, tmp_path):
    write(tmp_path / "target", target)
    (tmp_path / "link").symlink_to(tmp_path / "target")
    publish_new(tmp_path / "link", new)
    assert not (tmp_path / "link").is_symlink() and read(tmp_path / "link") == new
    assert read(tmp_path / "target") == target


def test_what_was_not_written_is_an_error(tmp_path):
    write(tmp_path / "thing", OLD_FILE)
    with pytest.raises(FileNotFoundError), publish(tmp_path / "thing"):
        pass
    assert read(tmp_path) == {"thing": OLD_FILE}


def test_leftovers_of_other_names_stay(tmp_path):
    def killed(context):
        with context as path:
            (path / "x" if path.is_dir() else path).write_text("half")
            kill()

    mine, others = ["a[1].txt", "step_1.npz"], ["a1.txt", "a[1].txt.more", "step_1.npz.txt"]
    for name in (*mine, *others):
        assert not in_a_process(lambda: killed(publish(tmp_path / name)))  # noqa: B023
    assert not in_a_process(lambda: killed(publish_into(tmp_path)))
    files = [tmp_path / ".step_1.npz.incomplete_", tmp_path / ".step_1.npz.incomplete"]
    for file in files:
        file.write_text("mine")
    assert len(leftovers(tmp_path, "a[[]1].txt")) == 1
    remove_leftovers(tmp_path, "a[[]1].txt")
    remove_leftovers(tmp_path, "step_*.npz")
    assert len(list(tmp_path.iterdir())) == len([*others, "the set", *files])
    remove_leftovers(tmp_path)
    assert not leftovers(tmp_path) and len(list(tmp_path.iterdir())) == len([*others, *files])
    remove_leftovers(tmp_path / "not there", "x")


def test_folders_that_were_made_in_vain_are_gone(tmp_path):
    (tmp_path / "there").mkdir()
    with pytest.raises(ValueError), folder_made(tmp_path / "there" / "b" / "c"):
        raise ValueError
    assert read(tmp_path) == {"there": {}}
    with folder_made(tmp_path / "there"), folder_made(tmp_path / "d" / "e"):
        write(tmp_path / "d" / "e" / "file", "x")
    assert read(tmp_path) == {"there": {}, "d": {"e": {"file": "x"}}}
    make_folder(tmp_path / "there" / "f")
    assert read(tmp_path)["there"] == {"f": {}}


def test_examples_in_docstrings():
    results = doctest.testmod(pipelines.publishing)
    assert results.attempted > 0 and results.failed == 0
