"""A past is loaded by a program that cannot start the services, as on compose, where containers do: their operator is
told what to change, and by the changed settings they go on."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
from datetime import UTC, datetime

import msgspec
import pytest

from goodstanding.loading.services import Here
from goodstanding.platform.deployment import Deployment
from goodstanding.platform.fixed_settings import FILE, FixedSettings
from goodstanding.platform.stack import Stack
from shared.contracts import zones
from shared.contracts.months import month_of, month_start
from tests.support.newcomer import Newcomer, newcomer
from tests.support.past import PARTNER, bank_events, held, past

pytestmark = [pytest.mark.campaign, pytest.mark.timeout(1_200)]

ZONE = zones.zone(FixedSettings.new().zone)
LAST = month_of(datetime.now(UTC), ZONE) - 2


class _Elsewhere:
    """The command line beside the secrets alone, with the servers as the environment names them."""

    def __init__(self, operator: Newcomer) -> None:
        self._operator, self.home = operator, operator.directory / "elsewhere"
        self.given = operator.stack.deployment
        (self.home / "services").mkdir(parents=True)
        shutil.copy(self.given.directory / FILE, self.home / "services" / FILE)

    @property
    def stack(self) -> Stack:
        return Stack(self.home)

    def asks(self, *words: str, ends: int = 0, **said: str) -> str:
        environment = {
            **self._operator.environment,
            "GOODSTANDING_HOME": str(self.home),
            "GOODSTANDING_KAFKA": self.given.addresses.kafka,
            "GOODSTANDING_POSTGRES": self.given.addresses.postgres,
            **said,
        }
        command = [sys.executable, "-m", "goodstanding.cli", *words]
        done = subprocess.run(
            command, cwd=self._operator.directory, env=environment, capture_output=True, text=True, check=False
        )
        told = done.stdout + done.stderr
        assert done.returncode == ends, told
        return told


def test_a_past_is_loaded_and_closed_and_a_partner_backfilled() -> None:
    months = range(LAST - 1, LAST + 1)
    with newcomer() as operator:
        operator.asks("local", "up", "--loading", "--past-scores", "last")
        elsewhere = _Elsewhere(operator)
        lines = past(months, events=100, people=10, zone=ZONE.key)
        (operator.directory / "past.jsonl").write_bytes(b"\n".join(lines))
        told = elsewhere.asks("import", "past.jsonl", "--partner", PARTNER, ends=1, GOODSTANDING_SILENT="true")
        assert "events sent in" in told
        assert not list(elsewhere.home.glob("services/*.process.json")), "it has started nothing"
        quiet = asyncio.run(held(elsewhere.given))
        assert (len(quiet["scorer.person"]), quiet["scorer.score"]) == (10, [])

        told = elsewhere.asks("go-live", ends=1, GOODSTANDING_SILENT="true")
        assert "take GOODSTANDING_SILENT out of the services' settings" in told
        _by(operator, past_scores="all")
        told = elsewhere.asks("go-live")
        assert "the platform is live since" in told
        assert "take GOODSTANDING_CLOCK out of the services' settings" in told
        assert len(asyncio.run(held(elsewhere.given))["scorer.score"]) == 10
        status = operator.asks("local", "status", ends=1)
        assert "start" in status
        assert "GOODSTANDING_CLOCK=system" in status
        _by(operator, clock="system")
        operator.asks("local", "status")
        assert "the platform is live since" in elsewhere.asks("go-live")
        _backfills(operator, elsewhere)


def _by(operator: Newcomer, **changed: str) -> None:
    """The services, started again by changed settings, as `docker compose up` does."""
    stack = operator.stack
    Here(stack, print).stop()
    found = stack.deployment
    settings = msgspec.structs.replace(found.settings, **changed)
    Here(stack, print).have_run(Deployment.create(found.directory, found.addresses, settings))


def _backfills(operator: Newcomer, elsewhere: _Elsewhere) -> None:
    now = datetime.now(UTC)
    began = month_start(month_of(now, ZONE) - 9, ZONE)
    (operator.directory / "bank.jsonl").write_bytes(b"\n".join(bank_events(began, 20, FixedSettings.new())))
    declared = ("--from", f"{began.astimezone(ZONE):%Y-%m-%d}", "--until", f"{now.astimezone(ZONE):%Y-%m-%d}")
    command = ("import", "bank.jsonl", "--partner", "bank", *declared)
    told = elsewhere.asks(*command, ends=1)
    window = told.partition("GOODSTANDING_BACKFILL=")[2].partition(" ")[0]
    assert window.startswith("bank:"), told
    _by(operator, backfill=window)
    told = elsewhere.asks(*command, GOODSTANDING_BACKFILL=window)
    assert "20 events sent" in told
    assert "take GOODSTANDING_BACKFILL out of the services' settings" in told
    assert "has sent events before" in elsewhere.asks(*command, ends=1)
