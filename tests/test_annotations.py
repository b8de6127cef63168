"""Every public function, class and method has complete type hints."""

import ast
import pathlib

import pytest

REPOSITORY = pathlib.Path(__file__).parents[1]
PACKAGES = ["nrnm_keras", "pipelines"]


def files():
    return [path for name in PACKAGES for path in sorted((REPOSITORY / name).rglob("*.py"))]


def unannotated(source):
    """Returns "line: name" of each public function or method that lacks an annotation."""
    return [
        f"{function.lineno}: {name}"
        for name, function, is_method in _public_functions(ast.parse(source).body)
        if not _is_complete(function, is_method)
    ]


def _public_functions(body, prefix="", is_class=False):
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            if not node.name.startswith("_") or node.name in ("__init__", "__call__"):
                yield prefix + node.name, node, is_class
        elif isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from _public_functions(node.body, f"{prefix}{node.name}.", True)


def _is_complete(function, is_method):
    arguments = function.args
    named = [*arguments.posonlyargs, *arguments.args]
    decorators = {getattr(node, "id", None) for node in function.decorator_list}
    if is_method and "staticmethod" not in decorators:
        named = named[1:]  # self or cls
    given = [*named, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
    has_all = all(argument.annotation for argument in given if argument)
    return has_all and function.returns is not None


@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_public_names_have_type_hints(path):
    assert unannotated(path.read_text()) == []


@pytest.mark.parametrize("package", PACKAGES)
def test_type_hints_are_announced(package):
    assert (REPOSITORY / package / "py.typed").is_file()


def test_missing_type_hints_are_found():
    source = """
def whole(a: int, *, b: str = "", **options: object) -> None: ...
def argument(a, b: int) -> None: ...
def returned(a: int): ...
def options(**kwargs) -> None: ...
def _private(a): ...
class Public:
    def __init__(self, a): ...
    def __repr__(self): ...
    def method(self) -> int: ...
    @property
    def value(self): ...
    @staticmethod
    def static(a) -> int: ...
    class Inner:
        def inner(self, a): ...
class _Private:
    def method(self, a): ...
"""
    assert [line.split()[1] for line in unannotated(source)] == [
        "argument",
        "returned",
        "options",
        "Public.__init__",
        "Public.value",
        "Public.static",
        "Public.Inner.inner",
    ]
