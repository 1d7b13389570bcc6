"""Summaries: a patient's local day from epochs and events, coverage first."""
