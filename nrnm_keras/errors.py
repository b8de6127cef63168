"""The failure a user can mend."""


class UsageError(ValueError):
    """Something that the user asked for and that cannot be done; the message is one line."""
