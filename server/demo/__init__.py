"""The demonstration: starts every station as a child process."""
