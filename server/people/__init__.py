"""How people come in: organisations, invitations, recovery, emergency access. Who may do so is decided elsewhere."""
