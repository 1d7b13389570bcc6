"""The virtual clip: simulated chips, interpreter host, virtual radio, and a bleak backend that reaches it."""
