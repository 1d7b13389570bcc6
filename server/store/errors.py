"""Errors that every service of the server knows."""


class UnknownPatientError(LookupError):
    """No patient has this id."""
