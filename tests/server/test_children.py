"""Children heed what ends them, whatever their parent ignores."""

from __future__ import annotations

import signal
import sys

from server import children


def test_a_child_of_a_parent_that_ignores_sigterm_still_ends_by_it() -> None:
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        child = children.spawn([sys.executable, "-c", "import time; time.sleep(60)"])
    finally:
        signal.signal(signal.SIGTERM, before)
    assert children.stop(child) == -signal.SIGTERM
