"""A user's own labelled text in CSV, TSV or JSONL files."""
