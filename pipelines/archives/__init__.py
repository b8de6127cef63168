"""Readers of zip and tar archives that unpack nothing to disk and notice whatever is damaged."""
