"""Connecting a patient's computer: a one-time code, what it is exchanged for, and what becomes of the clips there."""
