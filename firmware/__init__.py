"""The clip: its firmware (`clip`) and the virtual clip that runs it without hardware (`virtual`)."""
