"""What messages say of how to install an extra works where they say it."""

import pathlib
import tomllib

import pytest

from pipelines.install_hint import install_hint

ROOT = pathlib.Path(__file__).parents[2]
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]


def install(folder, *lines):
    """Writes what an installed nrnm-keras leaves of its pyproject.toml."""
    info = folder / "nrnm_keras-9.0.dist-info"
    info.mkdir()
    head = ["Metadata-Version: 2.4", "Name: nrnm-keras", "Version: 9.0"]
    (info / "METADATA").write_text("\n".join([*head, *lines]))


@pytest.mark.parametrize("label", ["Repository", "repository", "Source"])
def test_with_the_url_of_the_repository(tmp_path, monkeypatch, label):
    install(
        tmp_path,
        "Project-URL: Paper, https://arxiv.org/abs/1908.09535",
        f"Project-URL: {label}, https://example.org/nrnm.git",
    )
    monkeypatch.syspath_prepend(tmp_path)
    expected = 'pip install "nrnm-keras[plot] @ git+https://example.org/nrnm.git"'
    assert install_hint("plot") == expected


def test_without_a_url_from_a_clone(tmp_path, monkeypatch):
    install(tmp_path, "Project-URL: Paper, https://arxiv.org/abs/1908.09535")
    monkeypatch.syspath_prepend(tmp_path)
    assert install_hint("jax") == 'pip install ".[jax]" in a clone of nrnm-keras'


def test_messages_name_extras_that_there_are():
    named = set()
    for package in ("nrnm_keras", "pipelines"):
        for path in (ROOT / package).rglob("*.py"):
            text = path.read_text()
            assert "pip install" not in text or path.name == "install_hint.py", path
            for quote in "\"'":
                named |= {
                    part.partition(quote)[0] for part in text.split(f"install_hint({quote}")[1:]
                }
    assert {"plot", "gpu", "beam"} <= named <= set(EXTRAS)
