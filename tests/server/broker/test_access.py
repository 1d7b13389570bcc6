"""The access rule: a gateway is held to its own topics."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.messages import topic
from server.broker.access import Account, allowed

ME, OTHER = "0" * 16, "1" * 16


@pytest.mark.parametrize(
    ("role", "action", "name", "expected"),
    [
        ("gateway", "write", topic(ME, "up", "records"), True),
        ("gateway", "write", topic(ME, "down", "ack"), False),
        ("gateway", "write", topic(OTHER, "up", "records"), False),
        ("gateway", "read", topic(ME, "down", "plan"), True),
        ("gateway", "read", f"plumbline/v1/{ME}/down/#", True),
        ("gateway", "read", "plumbline/v1/+/down/#", False),
        ("gateway", "read", "plumbline/#", False),
        ("gateway", "read", "#", False),
        ("gateway", "read", "$SYS/#", False),
        ("gateway", "read", topic(OTHER, "down", "plan"), False),
        ("server", "read", "plumbline/v1/+/up/#", True),
        ("server", "write", topic(OTHER, "down", "ack"), True),
        ("server", "write", topic(OTHER, "up", "records"), False),
        ("server", "read", "plumbline/v1/+/down/#", False),
    ],
)
def test_rule(role: str, action: str, name: str, expected: bool) -> None:
    assert allowed(ME if role == "gateway" else "server", role, action, name) is expected  # type: ignore[arg-type]


level = st.text(alphabet="ab0/+#$", max_size=12)


@given(level)
def test_a_gateway_never_reaches_beyond_its_own_name(text: str) -> None:
    wanted = f"plumbline/v1/{text}"
    if allowed(ME, "gateway", "read", wanted) or allowed(ME, "gateway", "write", wanted):
        assert text.split("/", maxsplit=1)[0] == ME


def test_a_password_is_not_shown() -> None:
    assert "secret" not in repr(Account(ME, "secret", "gateway"))
