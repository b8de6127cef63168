"""Where texts come from: IMDB, a generator, a user's own files. `Task`s on texts add the rest."""

import tensorflow as tf

from nrnm_keras.tasks.own_files import OwnFiles


class ImdbReviews:
    """The film reviews of the Large Movie Review Dataset."""

    dataset = "imdb"
    source_flag = "imdb_source"

    @staticmethod
    def build_options(flags):
        """Returns where the raw reviews are."""
        return {"source": flags.imdb_source, "source_limit_mb": flags.source_limit_mb}

    @staticmethod
    def validation_number(record):
        """Returns the number in a review's id.

        Reviews of one film have near numbers, and the test reviews are of other films. With a film
        in both the training and the validation split, its names would give its reviews away, and
        validation would promise what the test does not keep.
        """
        number = tf.strings.regex_replace(record["id"], r".*/(\d+)_.*", r"\1")
        return tf.strings.to_number(number, tf.int64)


class GeneratedReviews:
    """Generated film reviews."""

    dataset = "sample_reviews"
    notice = "SAMPLE DATA, NOT IMDB"


class OwnTexts(OwnFiles):
    """A user's own files."""

    dataset = "text_files"
