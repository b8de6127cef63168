"""A user's own labeled text in CSV, TSV or JSONL files."""
