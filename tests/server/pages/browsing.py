"""Chromium, and the application behind a real socket."""

from __future__ import annotations

import contextlib
import shutil
import socket
import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import uvicorn
from fastapi import FastAPI

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ARGUMENTS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run",
]  # fmt: skip


def listener() -> socket.socket:
    """A socket on a port of its own; from here on a browser waits instead of being refused."""
    made = socket.socket()
    made.bind(("127.0.0.1", 0))
    made.listen()
    return made


@contextlib.contextmanager
def serving(app: FastAPI, at: socket.socket) -> Iterator[None]:
    """The application, answering at this socket."""
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [at]}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(10)
    assert not thread.is_alive()


class Visit:
    """A window, and everything that it asked for or complained of."""

    def __init__(self, chromium: Any, address: str, width: int = 1280, dark: bool = False) -> None:
        self.address = address
        scheme = "dark" if dark else "light"
        self.context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        self.page = self.context.new_page()
        self.hosts: set[str] = set()
        self.complaints: list[str] = []
        self.context.on("request", lambda request: self.hosts.add(urlsplit(request.url).netloc))
        self.page.on(
            "console",
            lambda message: self.complaints.append(message.text) if message.type in ("error", "warning") else None,
        )
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def sign_in(self, who: str = "mara") -> None:
        """With the keyboard alone."""
        self.page.goto(f"{self.address}/login")
        self.page.wait_for_function("document.activeElement.name === 'email'")
        self.page.keyboard.type(f"{who}@example.org")
        self.page.keyboard.press("Tab")
        self.page.keyboard.type("a quiet afternoon")
        self.page.keyboard.press("Enter")
        self.page.wait_for_url(lambda url: not url.endswith("/login"))

    def open(self, path: str) -> Any:
        self.page.goto(self.address + path)
        return self.page

    def close(self) -> None:
        self.context.close()
        assert self.hosts == {urlsplit(self.address).netloc}
        assert self.complaints == [], self.complaints
