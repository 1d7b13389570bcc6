"""Running the server day after day: logs, health, metrics, checks, backups."""
