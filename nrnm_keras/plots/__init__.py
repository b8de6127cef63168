"""Pictures for the report of a run. They need matplotlib, an optional dependency."""
