"""JSON for machines under /api/v1: the same services and the same access as the pages."""
