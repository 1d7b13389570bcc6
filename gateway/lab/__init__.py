"""The laboratory: workday scripts, replay of recordings, evaluation. No station imports it."""
