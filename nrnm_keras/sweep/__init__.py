"""Many trainings of one flag file: what they are, their runs, and what came out."""
