"""What the stations of a demonstration must agree on: one file in its folder, readable by its user only."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final, Literal

THERAPIST_EMAIL: Final = "therapist@example.org"
# Known on purpose: the demonstration holds simulated people only and listens on loopback.
THERAPIST_PASSWORD: Final = "a chair by the window"  # noqa: S105
ADMINISTRATOR_EMAIL: Final = "administrator@example.org"
PATIENT_EMAIL: Final = "patient@example.org"
"""These have the same password."""

FILE: Final = "world.json"
HOST: Final = "127.0.0.1"


@dataclass(frozen=True)
class Worn:
    """A clip, its gateway's key, the folder of its flash, and the file that says what its wearer does."""

    clip: str
    key: str
    flash: Path
    script: Path


@dataclass(frozen=True)
class World:
    """Everything that the stations share. `speed` None: simulated time goes as fast as it can."""

    folder: Path
    start_utc_ms: int
    wall_start_s: float
    speed: float | None
    zone: str
    http_port: int
    mqtt_url: str
    radio_port: int
    directed: bool = False
    """Whether a director takes part, without whom time does not start."""
    interpreter: Literal["auto", "micropython", "cpython"] = "auto"
    clip: str = field(default_factory=lambda: secrets.token_hex(8))
    clip_key: str = field(default_factory=lambda: secrets.token_hex(32))
    more_clips: tuple[tuple[str, str], ...] = ()
    """(serial, key) of each further clip."""
    database: str | None = None
    """The store's address; None for a SQLite file in `folder`."""
    gateway: str = field(default_factory=lambda: secrets.token_hex(8))
    gateway_password: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    server_password: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    session_secret: str = field(default_factory=lambda: secrets.token_urlsafe(32))

    @property
    def database_url(self) -> str:
        """SQLAlchemy's address of the store."""
        return self.database or f"sqlite:///{self.folder / 'plumbline.db'}"

    @property
    def script(self) -> Path:
        """What the live wearer does, as a file."""
        return self.folder / "script.json"

    @property
    def worn(self) -> tuple[Worn, ...]:
        """Every clip, in order."""
        first = Worn(self.clip, self.clip_key, self.folder / "clip", self.script)
        more = (
            Worn(serial, key, self.folder / f"clip-{number}", self.folder / f"script-{number}.json")
            for number, (serial, key) in enumerate(self.more_clips, start=2)
        )
        return first, *more

    @property
    def gateway_config(self) -> Path:
        """The gateway's configuration."""
        return self.folder / "gateway" / "config.json"

    @property
    def http_url(self) -> str:
        """Where the pages are."""
        return f"http://{HOST}:{self.http_port}"

    def log(self, station: str) -> Path:
        """Where a station's messages go."""
        return self.folder / f"{station}.log"

    def save(self) -> Path:
        """Write the file for the child processes and return its path."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / FILE
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as stream:
            json.dump({**asdict(self), "folder": str(self.folder)}, stream)
        return path


def load(path: Path) -> World:
    """The world that `World.save` wrote."""
    fields = json.loads(path.read_text())
    more_clips = tuple((serial, key) for serial, key in fields["more_clips"])
    return World(**{**fields, "folder": Path(fields["folder"]), "more_clips": more_clips})
