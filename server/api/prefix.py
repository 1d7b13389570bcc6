"""Where the API is; its version is in it."""

from typing import Final

PREFIX: Final = "/api/v1"
