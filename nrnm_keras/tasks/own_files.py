"""OwnFiles: tasks on a user's own labelled files."""


class OwnFiles:
    """Adds the build options of a user's own files to a `Task`."""

    @staticmethod
    def build_options(flags):
        """Returns the files."""
        return {
            "train_file": flags.train_file,
            "validation_file": flags.validation_file,
            "test_file": flags.test_file if flags.test else None,
            "source_limit_mb": flags.source_limit_mb,
        }
