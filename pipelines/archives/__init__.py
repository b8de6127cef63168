"""Readers of zip and tar archives that detect any damage and unpack nothing to disk."""
