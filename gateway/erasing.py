"""The server's `erase`: everything of a clip off this computer, its key too.

It is decided once the clip's name is in the file, in one small transaction. From then on nothing of the clip goes up;
whatever ends the process, the next one does not look for the clip and brings the erasure to its end.

What the clip itself holds cannot be erased from here, because its firmware has no operation for that: a clip in reach
is told that all of it is acknowledged; of another it is noted that its journal is to be stepped over, should it be
paired here again.
"""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Final

from gateway import config as configuration
from gateway.config import ConfigError
from gateway.ledger import FORSAKEN
from gateway.outbox import ERASING, Outbox, OutboxError

RETRY_S: Final = 60.0
_HOLDS: Final = b"its journal is to be stepped over"

logger = logging.getLogger(__name__)


class Erasing:
    """`config_file`: where the keys are; None when nothing keeps them."""

    def __init__(self, outbox: Outbox, config_file: Path | None) -> None:
        self._outbox = outbox
        self._config_file = config_file

    @property
    def unfinished(self) -> list[str]:
        """Clips whose erasure was decided and is not done."""
        return self._outbox.names(ERASING, "")

    def decide(self, clip: str, *, holds: bool) -> None:
        """From here on the clip is to be erased. `holds`: it may hold records that it has not been told to give up.
        Raises OutboxError: nothing has changed then."""
        self._outbox.set(ERASING, {clip: _HOLDS if holds else b""})

    async def finish(self, clip: str) -> None:
        """Erase it, as often as that takes: disk and configuration may not let themselves be written for a while. To be
        called when nobody writes anything of the clip any more."""
        while True:
            try:
                self._erase(clip)
            except (OutboxError, ConfigError, OSError) as error:
                logger.warning("clip %s is not erased yet, trying again: %s", clip[-4:], error)
                await asyncio.sleep(RETRY_S)
            else:
                logger.info("clip %s is erased here", clip[-4:])
                return

    def _erase(self, clip: str) -> None:
        if self._config_file is not None:
            configuration.take_out(self._config_file, clip)
        with self._outbox.transaction():
            self._outbox.erase(clip)
            if self._outbox.get(ERASING, clip) == _HOLDS:
                self._outbox.set(FORSAKEN, {clip: b""})
        self._outbox.scrub()
        self._outbox.drop(ERASING, [clip])


def in_words(given_up: int | None, *, known: bool) -> str:
    """What a reply says of the clip itself. `given_up`: records that it was told to give up, None when it was not."""
    if not known:
        return ""
    if given_up is None:
        return "the clip was not in reach: what it holds itself is not read here any more"
    return f"the clip gave up the {given_up} records that it held; new ones will take their place in its memory"
