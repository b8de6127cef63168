"""ListOps: nested operations on lists of digits, to be evaluated."""
