"""Ingest: batches of records into the store, exactly once in effect."""
