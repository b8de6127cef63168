"""Export of finished runs to other formats: `export` and its command."""

from typing import TYPE_CHECKING

from nrnm_keras import lazy

if TYPE_CHECKING:
    from nrnm_keras.export.exporting import Exported, export

__all__ = ["Exported", "export"]
__getattr__ = lazy.getter(__name__, dict.fromkeys(__all__, "nrnm_keras.export.exporting"))
