"""Optional packages of some formats."""

import importlib.util

from nrnm_keras.errors import UsageError
from pipelines.install_hint import install_hint


def require(extra: str, *packages: str) -> None:
    """Raises a `UsageError` that says how to install the packages of an extra, if any is missing.

    Args:
        extra: name of the extra, which is the format's.
        *packages: names of packages.
    """
    missing = [name for name in packages if importlib.util.find_spec(name) is None]
    if missing:
        raise UsageError(f"--format={extra} needs {' and '.join(missing)}: {install_hint(extra)}")
