"""The commands of `plumbline gateway`, a file a group."""
