"""What only this machine reaches."""

from __future__ import annotations

import pytest

from server.loopback import is_loopback


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.8.8", "::1", "[::1]"])
def test_this_machine(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["", "0.0.0.0", "::", "192.168.0.7", "localhost.example.org", "127.0.0.1.example.org"])
def test_other_machines(host: str) -> None:
    assert not is_loopback(host)
