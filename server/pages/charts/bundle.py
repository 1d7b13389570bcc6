"""The program that draws Vega-Lite in browsers: one module, made once from what the server has, kept in a cache.

It takes seconds and 100 MB to make, so that a process of its own does it. Nothing is fetched from anywhere.
"""

from __future__ import annotations

import hashlib
import logging
import os
import subprocess
import sys
import tempfile
import threading
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Final

from platformdirs import user_cache_path

log: Final = logging.getLogger(__name__)
_SNIPPET: Final = "window.vegaEmbed = vegaEmbed;"
_PROGRAM: Final = """
import pathlib, sys, vl_convert
pathlib.Path(sys.argv[2]).write_text(vl_convert.javascript_bundle(sys.argv[1]), encoding="utf-8")
"""
_LONGEST_S: Final = 120


class BundleError(RuntimeError):
    """The module cannot be made; the message says why."""


@cache
def folder() -> Path:
    """Where the module is kept: the user's cache, or a temporary directory where that cannot be written."""
    wanted = user_cache_path("plumbline") / "charts"
    try:
        wanted.mkdir(parents=True, exist_ok=True)
    except OSError:
        return Path(tempfile.mkdtemp(prefix="plumbline-charts-"))
    return wanted if os.access(wanted, os.W_OK) else Path(tempfile.mkdtemp(prefix="plumbline-charts-"))


def file_name() -> str:
    """The module's name, another for another version of what it is made of."""
    made_of = f"{version('vl-convert-python')} {_SNIPPET}"
    return f"vega-{hashlib.sha256(made_of.encode()).hexdigest()[:12]}.js"


@cache
def bundle() -> Path:
    """The module; made unless it is there. Two servers that begin at once both make it, and the same. Raises
    BundleError."""
    made = folder() / file_name()
    if made.is_file():
        return made
    handle, unfinished = tempfile.mkstemp(dir=folder(), suffix=".part")
    os.close(handle)
    try:
        subprocess.run(  # noqa: S603 - our own interpreter and program
            [sys.executable, "-c", _PROGRAM, _SNIPPET, unfinished],
            check=True,
            capture_output=True,
            text=True,
            timeout=_LONGEST_S,
        )
        Path(unfinished).replace(made)
    except (OSError, subprocess.SubprocessError) as error:
        Path(unfinished).unlink(missing_ok=True)
        told = getattr(error, "stderr", None) or str(error)
        raise BundleError(f"the program that draws charts cannot be made: {str(told).strip()[-300:]}") from error
    return made


@cache
def address() -> str | None:
    """Where browsers find the module; None when it cannot be made: pages then show the tables alone."""
    try:
        return f"/static/{bundle().name}"
    except BundleError:
        log.exception("charts will be missing from pages")
        return None


def make_ahead() -> None:
    """Have it made, where it is not there yet, while nobody waits for it."""
    threading.Thread(target=address, name="charts", daemon=True).start()
