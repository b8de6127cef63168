"""Generated problems whose answer depends on something far back in the sequence."""
