"""Passkeys and an authenticator app in a real Chromium, whose authenticator is a virtual one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyotp
import pytest

from tests.server.pages.browsing import CHROMIUM, Visit, listener, serving

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on PATH"),
]
AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}
WIDTHS = (390, 1280)


@pytest.fixture
def strict(make_clinic: Any) -> Iterator[tuple[Any, str]]:
    """A clinic that knows its address, and where therapists need a second factor."""
    at = listener()
    address = f"http://localhost:{at.getsockname()[1]}"  # a passkey belongs to a name, never to a bare address
    clinic = make_clinic(public_url=address, second_factor_for=frozenset({"therapist"}))
    with serving(clinic.app, at):
        yield clinic, address


class Person(Visit):
    """A visit of somebody with an authenticator."""

    def __init__(self, chromium: Any, address: str) -> None:
        super().__init__(chromium, address)
        self.devices = self.context.new_cdp_session(self.page)
        self.devices.send("WebAuthn.enable")
        added = self.devices.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
        self.authenticator = added["authenticatorId"]

    def give_password(self) -> None:
        self.open("/login")
        self.page.get_by_label("E-mail address").fill("mara@example.org")
        self.page.get_by_label("Password").fill("a quiet afternoon")
        self.page.get_by_role("button", name="Sign in", exact=True).click()

    def sign_out(self) -> None:
        self.page.get_by_role("button", name="Sign out").click()
        self.page.get_by_role("heading", name="Sign in").wait_for()

    def is_verified(self, verified: bool) -> None:
        told = {"authenticatorId": self.authenticator, "isUserVerified": verified}
        self.devices.send("WebAuthn.setUserVerified", told)

    def fits(self) -> None:
        for width in WIDTHS:
            self.page.set_viewport_size({"width": width, "height": 900})
            assert self.page.evaluate("document.documentElement.scrollWidth") <= width, self.page.url


def test_from_the_first_sign_in_to_one_with_a_passkey_alone(chromium: Any, strict: tuple[Any, str]) -> None:
    _, address = strict
    person = Person(chromium, address)
    page = person.page
    person.give_password()
    page.get_by_role("heading", name="One more thing before you begin").wait_for()
    person.fits()
    page.get_by_role("link", name="Add a passkey").click()
    page.get_by_label("Name, to know it by").fill("Blue key")
    person.fits()
    page.get_by_role("button", name="Make the passkey").click()
    page.get_by_role("button", name="Make and show them").click()
    page.get_by_role("link", name="I have kept them").wait_for()
    codes = page.locator(".codes li").all_inner_texts()
    assert len(codes) == 10
    person.fits()
    page.get_by_role("link", name="I have kept them").click()
    page.get_by_text("Protected by a second factor").wait_for()
    assert page.get_by_text("Blue key").first.is_visible()
    person.fits()
    kept = person.devices.send("WebAuthn.getCredentials", {"authenticatorId": person.authenticator})["credentials"]
    assert [(one["rpId"], one["isResidentCredential"]) for one in kept] == [("localhost", True)]

    person.sign_out()
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.get_by_role("heading", name="Today", exact=True).wait_for()

    person.sign_out()
    person.is_verified(False)
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.get_by_text("Nothing was used.").wait_for()
    person.is_verified(True)

    person.give_password()
    page.get_by_role("heading", name="Second step").wait_for()
    person.fits()
    page.get_by_role("button", name="Use a passkey").click()
    page.get_by_role("heading", name="Today", exact=True).wait_for()

    person.sign_out()
    person.give_password()
    page.get_by_label("Recovery code").fill(codes[7].lower())
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("heading", name="Today", exact=True).wait_for()
    person.close()


def test_an_app_suffices_where_scripts_are_off(chromium: Any, strict: tuple[Any, str]) -> None:
    clinic, address = strict
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{address}/login?next=/patients/1")
    assert not page.get_by_role("button", name="Sign in with a passkey").is_visible()
    page.get_by_label("E-mail address").fill("mara@example.org")
    page.get_by_label("Password").fill("a quiet afternoon")
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("button", name="Set up an app").click()
    app = pyotp.TOTP(page.locator("code.line").inner_text().replace(" ", ""))
    page.get_by_role("textbox", name="Code").fill(app.at(clinic.now_ms // 1000))
    page.get_by_role("button", name="Turn it on").click()
    page.get_by_role("link", name="Not now").click()
    page.get_by_role("button", name="Sign out").click()
    clinic.now_ms += 60_000
    page.goto(f"{address}/login?next=/patients/1")
    page.get_by_label("E-mail address").fill("mara@example.org")
    page.get_by_label("Password").fill("a quiet afternoon")
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_label("Code").fill(app.at(clinic.now_ms // 1000))
    page.get_by_role("button", name="Continue").click()
    assert page.get_by_role("heading", name="Ada Keller").is_visible()
    context.close()
