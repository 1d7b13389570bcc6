"""The gateway: from the clip's radio to the broker, with the slouch-detection core in between."""
