"""What a maker of clips runs: `plumbline clip build`, `flash` and `report`."""
