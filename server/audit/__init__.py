"""The trail: who read or wrote whose data, append-only and chained, in pseudonyms only."""
