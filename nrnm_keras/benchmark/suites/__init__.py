"""What is measured: a module for each suite, which has a `TITLE` and a function `rows`."""
