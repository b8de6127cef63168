"""Problems whose answer is far back in the sequence: generated, with nothing to download."""
