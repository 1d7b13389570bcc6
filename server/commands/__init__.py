"""The commands of `plumbline server`, a file a topic; `server.cli` puts them together."""
