"""What the last days would have been under another plan: the clip's own policy over the postures that were stored."""
