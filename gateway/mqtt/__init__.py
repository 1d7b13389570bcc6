"""The gateway's side of the broker: one connection that comes back, what goes up over it and what comes down."""
