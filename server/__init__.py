"""The server: ingest, store, summaries and the therapist's pages."""
