"""The face of the gateway: its commands, its live view, and the door by which commands reach a gateway that runs."""
