"""Logging in with an OpenID provider, over HTTP: who comes in, and every way in which nobody does."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any, cast
from urllib.parse import parse_qs, urlencode, urlsplit

import asyncpg
import httpx
import pytest
from pydantic import SecretStr, ValidationError

from goodstanding.portal import policies, tokens
from goodstanding.portal.settings import PortalSettings
from goodstanding.portal.web.login import person
from goodstanding.portal.web.office import opened
from goodstanding.portal.web.serving import application
from shared.clock import Clock
from shared.contracts.identity import normalize, sample_account, user_id
from tests.support.openid_provider import CLIENT, SECRET, Provider, provider, signing_key

KEY, OWN_KEY = "ab" * 32, "cd" * 32
ME = "11" * 32
PORTAL = "http://portal.example"
ACCOUNT = sample_account(3)


def settings(issuer: str = "https://login.example", **more: Any) -> PortalSettings:
    given = {"login_client": CLIENT, "login_secret": SecretStr(SECRET), "portal_url": PORTAL, **more}
    return PortalSettings(
        kafka="127.0.0.1:1", portal_key=SecretStr(KEY), fingerprint_key=SecretStr(KEY), login_issuer=issuer, **given
    )


@cache
def shipped() -> policies.Policies:
    """Nobody who logs in changes a policy, and to read them takes longer than a login."""
    return policies.load(settings())


@dataclass(frozen=True)
class Stand:
    """A browser before the portal, and the provider behind it. There is no database: a session needs none."""

    portal: httpx.AsyncClient
    provider: Provider
    outside: httpx.AsyncClient

    async def at_provider(self) -> str:
        """Begin, and log in there; the address that the browser is sent back to."""
        begun = await self.portal.get("/login/")
        assert begun.status_code == 302, begun.text
        back = await self.outside.get(begun.headers["location"])
        return str(back.headers["location"])

    async def log_in(self) -> httpx.Response:
        return await self.portal.get(await self.at_provider())

    def who(self) -> str | None:
        """Whose session the browser has."""
        text = self.portal.cookies.get("session")
        token = tokens.read(text, "session", bytes.fromhex(KEY), datetime.now(UTC)) if text else None
        return token.who if token else None


@pytest.fixture
async def stand() -> AsyncIterator[Stand]:
    async with provider() as there:
        there.claims = {"sub": ME}
        given = settings(there.address)
        db = cast(asyncpg.Pool, None)
        async with opened(db, cast(Clock, None), given, shipped()) as office:
            transport = httpx.ASGITransport(application(office), raise_app_exceptions=False)
            async with (
                httpx.AsyncClient(transport=transport, base_url=PORTAL) as portal,
                httpx.AsyncClient(verify=False) as outside,  # there is nothing to verify: it speaks HTTP
            ):
                yield Stand(portal, there, outside)


async def test_whoever_the_provider_names_has_a_session(stand: Stand) -> None:
    assert "/login/" in (await stand.portal.get("/")).text
    done = await stand.log_in()
    assert (done.status_code, done.headers["location"]) == (303, "/me")
    assert stand.who() == ME
    [asked] = stand.provider.asked
    assert (asked["code_challenge_method"], asked["response_type"], asked["scope"]) == ("S256", "code", "openid")
    assert asked["redirect_uri"] == f"{PORTAL}/login/callback"
    assert len(asked["nonce"]) >= 16
    assert len(asked["state"]) >= 16


LIES: dict[str, dict[str, Any]] = {
    "of another provider": {"iss": "https://other.example"},
    "for somebody else": {"aud": "other"},
    "for somebody else, by way of us": {"aud": "other", "azp": CLIENT},
    "expired": {"exp": int(time.time()) - 3_600},
    "of another login": {"nonce": "another"},
    "of no login": {"nonce": None},
    "of nobody": {"sub": None},
    "of something else than a user_id": {"sub": ACCOUNT},
    "of a list": {"sub": [ME]},
}


@pytest.mark.parametrize("lie", LIES)
async def test_a_token_with_a_wrong_claim_opens_nothing(stand: Stand, lie: str) -> None:
    stand.provider.lies = LIES[lie]
    done = await stand.log_in()
    assert done.status_code == 403
    assert stand.who() is None
    assert ACCOUNT not in done.text


async def test_a_token_that_somebody_else_has_signed_opens_nothing(stand: Stand) -> None:
    stand.provider.signs_with = signing_key("first")
    assert (await stand.log_in()).status_code == 403
    assert stand.who() is None


async def test_an_algorithm_by_which_anybody_can_sign_is_not_taken_though_it_is_offered(stand: Stand) -> None:
    stand.provider.offers, stand.provider.signs_with_public = ["RS256", "HS256", "none"], True
    assert (await stand.log_in()).status_code == 403
    assert stand.who() is None


async def test_an_answer_is_for_the_browser_that_asked_and_once(stand: Stand) -> None:
    back = await stand.at_provider()
    query = parse_qs(urlsplit(back).query)
    code, state = query["code"][0], query["state"][0]
    stolen = dict(stand.portal.cookies)
    stand.portal.cookies.clear()
    # Whoever is made to open somebody else's answer is not logged in by it (CSRF).
    assert (await stand.portal.get(back)).status_code == 403
    for name, value in stolen.items():
        stand.portal.cookies.set(name, value)
    altered = state[:-1] + ("y" if state.endswith("x") else "x")
    for wrong in ({"code": code}, {"code": code, "state": altered}, {"state": state}, {}):
        assert (await stand.portal.get(f"/login/callback?{urlencode(wrong)}")).status_code == 403
    assert (await stand.portal.get("/login/callback?error=access_denied&state=x")).status_code == 403
    assert stand.who() is None


async def test_a_code_opens_once(stand: Stand) -> None:
    back = await stand.at_provider()
    assert (await stand.portal.get(back)).status_code == 303
    stand.portal.cookies.delete("session")
    assert (await stand.portal.get(back)).status_code == 403
    assert stand.who() is None


async def test_a_provider_that_is_away_is_said_to_be_so(stand: Stand) -> None:
    stand.provider.offers = []
    office_settings = settings("http://127.0.0.1:1")
    db = cast(asyncpg.Pool, None)
    async with opened(db, cast(Clock, None), office_settings, shipped()) as office:
        transport = httpx.ASGITransport(application(office), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url=PORTAL) as http:
            assert (await http.get("/login/")).status_code == 503


async def test_where_nobody_logs_in_so_there_is_no_such_address() -> None:
    given = PortalSettings(kafka="127.0.0.1:1", portal_key=SecretStr(KEY), fingerprint_key=SecretStr(KEY))
    db = cast(asyncpg.Pool, None)
    async with (
        opened(db, cast(Clock, None), given, shipped()) as office,
        httpx.AsyncClient(transport=httpx.ASGITransport(application(office)), base_url=PORTAL) as http,
    ):
        assert (await http.get("/login/")).status_code == 404
        assert "/login" not in (await http.get("/")).text


@pytest.mark.parametrize(
    ("claims", "more", "who"),
    [
        ({"sub": ME}, {}, ME),
        ({"sub": "AB" * 32}, {}, None),
        ({"sub": ME, "goodstanding": "22" * 32}, {"login_claim": "goodstanding"}, "22" * 32),
        ({}, {}, None),
        ({"account": ACCOUNT.lower()}, {"login_claim": "account", "key": SecretStr(OWN_KEY)}, ACCOUNT),
        ({"account": "no account"}, {"login_claim": "account", "key": SecretStr(OWN_KEY)}, None),
        # With the key a user_id in the claim is an identifier like any other, and none of the scheme.
        ({"sub": ME}, {"key": SecretStr(OWN_KEY)}, None),
    ],
)
def test_whom_claims_name(claims: dict[str, Any], more: dict[str, Any], who: str | None) -> None:
    expected = who
    if who == ACCOUNT:
        expected = user_id(bytes.fromhex(OWN_KEY), "account", normalize("account", ACCOUNT))
    assert person(claims, settings(**more)) == expected


@pytest.mark.parametrize(("verified", "comes_in"), [(True, True), (False, False), ("true", False), (None, False)])
def test_an_address_that_the_provider_has_not_verified_is_nobodys(verified: object, comes_in: bool) -> None:
    """Or whoever writes somebody's address into a profile would be that person."""
    given = settings(login_claim="email", identity_scheme="email", key=SecretStr(OWN_KEY))
    claims = {"email": "Someone@example.org", "email_verified": verified}
    assert (person(claims, given) is not None) is comes_in


@pytest.mark.parametrize(
    "wrong",
    [{"login_client": ""}, {"portal_url": ""}, {"issuer": "http://login.example"}, {"login_scope": "profile"}],
)
def test_settings_that_cannot_work_are_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        settings(**wrong)
