"""Opens a finished build with TFDS."""

from typing import TYPE_CHECKING

from pipelines.errors import SourceError
from pipelines.escaping import one_line
from pipelines.paths import StrPath

if TYPE_CHECKING:
    import tensorflow_datasets as tfds

# The key of a build's metadata for the names of the features of a step.
FEATURE_NAMES = "feature_names"
_LONGEST_SHOWN = 300  # characters of TFDS's message


def open_build(folder: StrPath) -> "tfds.core.DatasetBuilder":
    """Returns the TFDS builder of the build in a folder.

    Args:
        folder: path of a built version.

    Raises:
        SourceError: if a file that TFDS reads beside the records is missing or damaged.

    Example:

    >>> import tempfile
    >>> from pipelines.build import build
    >>> path = build("sample_reviews", tempfile.mkdtemp(), num_train=8, num_test=4)
    >>> open_build(path).info.splits["train"].num_examples
    8
    """
    import tensorflow_datasets as tfds

    from pipelines.dataset_builder import class_feature

    try:
        builder = tfds.builder_from_directory(folder)
        features, (inputs, target) = builder.info.features, builder.info.supervised_keys
        for name in [target, *([inputs] if isinstance(inputs, str) else inputs)]:
            features[name]
        class_feature(features)
        for split in builder.info.splits.values():
            list(zip(split.filenames, split.shard_lengths, strict=True))
        return builder
    except Exception as error:  # TFDS has no error class for damaged files
        raise damaged(folder, error) from error


def damaged(folder: StrPath, error: Exception) -> SourceError:
    """Returns a `SourceError` about the files that TFDS reads beside the records.

    Args:
        folder: path of the build.
        error: what TFDS raised.
    """
    reason = one_line(error, _LONGEST_SHOWN) or type(error).__name__
    return SourceError(
        f"{folder}: dataset_info.json or features.json is missing or damaged ({reason}); "
        f"remove {folder} and build again"
    )
