"""Who may see and change what: accounts, sessions, form tokens, and the repository made for the signed-in person."""
