"""What the file `.env` says of a new platform is said to every container that has to know it, and to no other."""

from __future__ import annotations

import json

import pytest

from shared.contracts.topics import PROCESSES
from tests.deploy.compose import PROFILES, Compose, run

pytestmark = pytest.mark.campaign

_FIXED = {"ZONE": "Europe/Berlin", "CURRENCY": "EUR", "RETENTION_PROFILE": "eu", "IDENTITY_SCHEME": "email"}
_OPERATORS = {"migrate", "rights", "topics", "cli", "administrator", "loading"}


def _environments(**said: str) -> dict[str, dict[str, str]]:
    """The variables of each of our containers, without the prefix; compose makes this without an engine."""
    profiles = [word for profile in PROFILES for word in ("--profile", profile)]
    environment = {**Compose().environment, **{f"GOODSTANDING_{name}": value for name, value in said.items()}}
    services = json.loads(run(["docker", "compose", *profiles, "config", "--format", "json"], environment))["services"]
    ours = {name: each for name, each in services.items() if each["image"] == environment["GOODSTANDING_IMAGE"]}
    return {
        name: {key.removeprefix("GOODSTANDING_"): value for key, value in each.get("environment", {}).items()}
        for name, each in ours.items()
    }


def test_what_is_fixed_is_said_to_all() -> None:
    found = _environments(**_FIXED)
    assert {"secrets", *PROCESSES, *_OPERATORS} <= found.keys()
    for name, environment in found.items():
        assert {key: environment.get(key) for key in _FIXED} == _FIXED, name
        assert environment["CLOCK"] == "", "which is the system's"


def test_a_past_is_loaded_by_all_and_quietly_by_the_scorer() -> None:
    found = _environments(CLOCK="loading", SILENT="true", BACKFILL="bank:2026-01:2026-03")
    assert {environment["CLOCK"] for environment in found.values()} == {"loading"}
    assert all(found[service]["FETCH_MAX_WAIT_MS"] == "20" for service in PROCESSES)
    told = {name for name, environment in found.items() if environment.get("SILENT") == "true"}
    assert told == {"scorer", "loading"} == {name for name in found if found[name].get("BACKFILL")}


def test_every_command_and_the_portal_itself_know_how_browsers_reach_it() -> None:
    found = _environments(PORTAL_PORT="18080")
    for name in ("portal", "cli", "link"):
        assert found[name]["PORTAL_URL"] == "http://localhost:18080", name
    found = _environments(PORTAL_URL="https://standing.example")
    assert {found[name]["PORTAL_URL"] for name in ("portal", "cli", "link")} == {"https://standing.example"}
    assert all(found[service]["PORTAL"] == "true" for service in PROCESSES), "alike for all"
