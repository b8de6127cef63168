"""Generated film reviews whose verdict comes early and whose end may mislead."""
