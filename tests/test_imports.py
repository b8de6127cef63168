"""Imports point one way: from what is built on something to what it is built on."""

import ast
import pathlib

import pytest

import nrnm_keras
import pipelines

ROOT = pathlib.Path(nrnm_keras.__file__).parents[1]
COMMANDS = ("train", "predict", "export", "visualize", "sweep", "benchmark")
# Each may import itself and what is named; what is named by none may be imported by commands only.
_LOW = {"typing", "errors", "lazy", "config"}
_NETWORKS = {*_LOW, "layers", "models", "preprocessing"}
ALLOWED = {
    "typing": set(),
    "config": set(),
    "errors": set(),
    "lazy": set(),
    "layers": _LOW,
    "preprocessing": {*_LOW, "layers"},
    "models": {*_LOW, "layers"},
    "plots": {*_LOW, "models"},
    "data": {*_NETWORKS, "plots"},
    "tasks": {*_NETWORKS, "plots", "data"},
    "inference": {*_NETWORKS, "plots", "data", "tasks", "commands"},
    "commands": _NETWORKS,
    **dict.fromkeys(COMMANDS, {*_NETWORKS, "plots", "data", "tasks", "inference", "commands"}),
}


def package_of(module):
    """Returns the part of the library that a module belongs to, or None for another library's."""
    names = module.split(".")
    if names[0] != "nrnm_keras":
        return None
    return names[1] if len(names) > 1 else ""


def imports(path):
    """Yields the modules that a file imports from, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: relative imports hide where they point"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from names if node.module == "nrnm_keras" else [node.module]


def modules():
    """Yields the name and the file of every module of the library but its `__init__`."""
    for path in sorted((ROOT / "nrnm_keras").rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        if parts != ("nrnm_keras", "__init__"):
            yield ".".join(parts).removesuffix(".__init__"), path


def edges():
    """Returns every import from one part of the library to another, as pairs of modules."""
    known = {name for name, _ in modules()}
    found = set()
    for name, path in modules():
        for imported in imports(path):
            imported = imported if package_of(imported) != "NRNM" else "nrnm_keras.layers"
            if package_of(imported) not in (None, package_of(name)):
                assert imported in known or imported.rpartition(".")[0] in known, (name, imported)
                found.add((name, imported))
    return found


def test_every_part_has_its_place():
    assert {package_of(name) for name, _ in modules()} <= set(ALLOWED)


def test_no_import_points_upwards():
    upwards = {
        (name, imported)
        for name, imported in edges()
        if package_of(imported) not in ALLOWED[package_of(name)]
    }
    assert not upwards


def test_the_order_has_no_cycle():
    seen = set()
    while seen < set(ALLOWED):
        ready = {name for name, below in ALLOWED.items() if below <= seen} - seen
        assert ready
        seen |= ready


@pytest.mark.parametrize("path", sorted(pathlib.Path(pipelines.__file__).parent.rglob("*.py")))
def test_pipelines_know_nothing_of_the_library(path):
    assert not [name for name in imports(path) if package_of(name) is not None]
