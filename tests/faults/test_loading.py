"""A past is loaded while the import and the services are killed: it comes to what would have been lived, and counts
nothing twice. It tells how fast it was, and how much memory it took."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
import random
import subprocess
import threading
import time
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime

import psutil
import pytest

from goodstanding.platform.deployment import Deployment
from goodstanding.platform.fixed_settings import STATEFUL, FixedSettings
from goodstanding.platform.stack import passing
from shared.contracts import zones
from shared.contracts.months import month_of, month_of_name, month_start
from shared.contracts.topics import SCORES_CHANGED, TIERS_CHANGED
from tests.support.newcomer import Newcomer, newcomer
from tests.support.past import PARTNER, held, live, past

log = logging.getLogger(__name__)

SETTINGS = FixedSettings.new()
ZONE = zones.zone(SETTINGS.zone)
LAST = month_of_name("2026-08")
MONTHS = range(LAST - 23, LAST + 1)
THROUGH = month_start(LAST + 1, ZONE, 6)
KILLS = 6
_MEMORY_MAX = 300 * 1024 * 1024
"""Of the program that imports, whatever the number of events."""
_SHOWN = 5
"""Rows of each table that differ and are shown."""
_SHOWN_CHARACTERS = 300


@pytest.mark.campaign
@pytest.mark.timeout(4 * 3600)
def test_an_import_that_is_killed_comes_to_what_would_have_been_lived(loaded: int, seed: int) -> None:
    lines = list(past(MONTHS, events=loaded, people=max(loaded // 50, 20), zone=SETTINGS.zone, seed=seed))
    with newcomer() as operator:
        with gzip.open(operator.directory / "past.jsonl.gz", "wb", compresslevel=1) as file:
            file.write(b"\n".join(lines))
        operator.asks("local", "up", "--loading")
        imported(operator, loaded, random.Random(seed))
        loaded_here = operator.stack.deployment
        found = asyncio.run(held(loaded_here))
    with passing(lambda _: None, None, _lived(loaded_here), month_start(MONTHS[0], ZONE)) as (deployment, _):
        asyncio.run(live(deployment, lines, THROUGH))
        lived = asyncio.run(held(deployment))
    found["scorer.publication"] = [row for row in found["scorer.publication"] if row[0] >= MONTHS[0]]
    for name in lived:
        log.info("%s: %d rows", name, len(lived[name]))
        only = Counter(map(repr, lived[name])), Counter(map(repr, found.get(name, [])))
        for which, rows in (("lived", only[0] - only[1]), ("loaded", only[1] - only[0])):
            for row in sorted(rows)[:_SHOWN]:
                log.info("%s, only where it was %s, one of %d: %s", name, which, len(rows), row[:_SHOWN_CHARACTERS])
    assert [name for name in lived if lived[name] != found.get(name)] == []


@pytest.mark.campaign
@pytest.mark.timeout(3600)
def test_of_a_past_that_is_kept_quiet_subscribers_have_the_last_score_alone(seed: int) -> None:
    """On a platform that asks everybody who they are."""
    months = range(LAST - 2, LAST + 1)
    with newcomer() as operator:
        lines = past(months, events=400, people=20, zone=SETTINGS.zone, seed=seed)
        (operator.directory / "past.jsonl").write_bytes(b"\n".join(lines))
        operator.asks("local", "up", "--secure", "--loading", "--past-scores", "last")
        operator.asks("import", "past.jsonl", "--partner", PARTNER, ends=1)
        quiet = asyncio.run(held(operator.stack.deployment))
        assert len(quiet["scorer.person"]) == 20
        assert (quiet["scorer.score"], quiet[SCORES_CHANGED], quiet[TIERS_CHANGED]) == ([], [], [])
        operator.asks("go-live")
        deployment = operator.stack.deployment
        assert (deployment.settings.clock, deployment.settings.past_scores) == ("system", "all")
        found = asyncio.run(held(deployment))
        today = month_of(datetime.now(UTC), ZONE)
        published = [json.loads(value) for _, value, _ in found[SCORES_CHANGED]]
        assert len(published) == len(found["scorer.score"]) == 20
        assert {each["version"] for each in published} == {1}
        assert {each["publication"] for each in published} <= {today - 1, today}


def imported(operator: Newcomer, events: int, draw: random.Random) -> None:
    """The import, repeated until it ends by itself; now and then it is killed, or a service is."""
    began, peak, kills = time.monotonic(), 0, 0
    while True:
        running = operator.started("import", "past.jsonl.gz", "--partner", PARTNER)
        memory = _Memory(running)
        killer = None
        if kills < KILLS:
            victim = draw.choice(("import", "import", *STATEFUL))
            killer = threading.Timer(draw.uniform(5, 5 + events / 3_000), _kill, (operator, running, victim))
            killer.start()
        told, _ = running.communicate()
        peak = max(peak, memory.peak())
        if killer is not None:
            killer.cancel()
        log.info("ended with %s after %.0f s: %s", running.returncode, time.monotonic() - began, told[-200:].decode())
        if running.returncode == 1 and b"What is refused is in" in told:
            break
        kills += 1
        assert kills <= KILLS + 2, told.decode()
        operator.asks("local", "up")
    seconds = time.monotonic() - began
    log.info("%d events in %.0f s under %d kills: %.0f a second", events, seconds, kills, events / seconds)
    log.info("the import took at most %.0f MB", peak / 2**20)
    assert peak < _MEMORY_MAX


def _kill(operator: Newcomer, running: subprocess.Popen[bytes], victim: str) -> None:
    if victim == "import":
        running.kill()
    else:
        operator.stack.deployment.process(victim).kill()


class _Memory:
    """Looks every now and then at how much memory a process has."""

    def __init__(self, running: subprocess.Popen[bytes]) -> None:
        self._process, self._peak = psutil.Process(running.pid), 0
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self) -> None:
        with suppress(psutil.Error):
            while True:
                self._peak = max(self._peak, self._process.memory_info().rss)
                time.sleep(0.2)  # nobody tells when it grows

    def peak(self) -> int:
        self._thread.join()
        return self._peak


def _lived(loaded: Deployment) -> FixedSettings:
    """Of a platform that lives through the same months: under the same keys everybody has the same name."""
    keys = {"key": loaded.settings.key, "fingerprint_key": loaded.settings.fingerprint_key}
    return FixedSettings.new(clock="stepped", **keys)
