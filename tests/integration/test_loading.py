"""The past of a new deployment, on real servers: loaded, it is as if the platform had lived through it, and closed for
good once it is live."""

from __future__ import annotations

import asyncio
import gzip
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from goodstanding.platform.deployment import Deployment
from goodstanding.platform.fixed_settings import FixedSettings
from goodstanding.platform.service_process import ServiceProcess
from goodstanding.platform.stack import passing
from shared.contracts import zones
from shared.contracts.months import month_name, month_of, month_start
from tests.support.newcomer import Newcomer, newcomer
from tests.support.past import PARTNER, bank_events, held, live, past

_PATIENCE_S = 30.0
SETTINGS = FixedSettings.new()
ZONE = zones.zone(SETTINGS.zone)
LAST = month_of(datetime.now(UTC), ZONE) - 2
MONTHS = range(LAST - 2, LAST + 1)
THROUGH = month_start(LAST + 1, ZONE, 6)
"""The publication of the last month."""
_DRAWN = list(past(MONTHS, events=400, people=20, zone=SETTINGS.zone))
FIRST, SECOND = _DRAWN[::2], _DRAWN[1::2]
"""Two files, each of all months."""


@pytest.fixture(scope="module")
def operator() -> Iterator[Newcomer]:
    with newcomer() as made:
        yield made


@pytest.fixture(scope="module")
def loaded(operator: Newcomer) -> Deployment:
    """A platform that has loaded its past from two files, one of them held before. The import is killed behind its last
    event and before the last scores, and repeated."""
    operator.asks("local", "up", "--loading")
    packed = gzip.compress(b"\n".join(FIRST))
    operator.asks("import", "-", "--partner", PARTNER, "--hold", ends=None, input=packed)
    (operator.directory / "second.jsonl").write_bytes(b"\n".join(SECOND))
    running = operator.started("import", "second.jsonl", "--partner", PARTNER)
    assert running.stdout is not None
    while not (told := running.stdout.readline()).startswith(month_name(LAST).encode()):
        assert told, "it ends with the last month"
    running.kill()
    running.communicate()
    operator.asks("import", "second.jsonl", "--partner", PARTNER, ends=None)
    return operator.stack.deployment


@pytest.mark.timeout(600)
def test_what_is_loaded_is_what_would_have_been_lived(loaded: Deployment) -> None:
    with passing(lambda _: None, None, _lived(loaded), month_start(MONTHS[0], ZONE)) as (deployment, _):
        asyncio.run(live(deployment, [*FIRST, *SECOND], THROUGH))
        lived = asyncio.run(held(deployment))
    found = asyncio.run(held(loaded))
    # The clock of the loading came from a time before all events, so a run without anybody was noted.
    found["scorer.publication"] = [row for row in found["scorer.publication"] if row[0] >= MONTHS[0]]
    assert found.keys() == lived.keys()
    assert {name: len(rows) for name, rows in found.items()} == {name: len(rows) for name, rows in lived.items()}
    assert found == lived
    assert len(found["scorer.person"]) == 20
    assert found["retention.fingerprint"], "records lapsed on the way"


def _lived(loaded: Deployment) -> FixedSettings:
    """Of a platform that lives through the same months: under the same keys everybody has the same name."""
    keys = {"key": loaded.settings.key, "fingerprint_key": loaded.settings.fingerprint_key}
    return FixedSettings.new(clock="stepped", **keys)


def test_each_refused_line_has_its_answer(operator: Newcomer, loaded: Deployment) -> None:
    told = operator.asks("import", "--refused", "refused.jsonl", ends=1)
    assert "What is refused is in refused.jsonl." in told
    answers = [json.loads(line) for line in (operator.directory / "refused.jsonl").read_text().splitlines()]
    codes = sorted(answer["code"] for answer in answers)
    assert codes == sorted(["conflict", "envelope-data", *["lapsed"] * 4, *["unreported"] * 4]), codes
    files = {"-": FIRST, "second.jsonl": SECOND}
    for answer in answers:
        line = json.loads(files[answer["file"]][answer["line"] - 1])
        wanted = {"lapsed": "lapsed-", "unreported": "nobody-", "conflict": "b-", "envelope-data": ""}
        assert line.get("id", "").startswith(wanted[answer["code"]])
        assert answer["sentence"].endswith(".")


def test_the_same_files_again_change_nothing(operator: Newcomer, loaded: Deployment) -> None:
    before = asyncio.run(held(loaded))
    told = operator.asks("import", "second.jsonl", "--partner", PARTNER, ends=None)
    assert "events sent" not in told
    assert asyncio.run(held(loaded)) == before


def test_live_the_past_is_closed_for_good(operator: Newcomer, loaded: Deployment) -> None:
    operator.asks("import", "-", "--partner", PARTNER, "--hold", input=FIRST[0] + b"\n \n")
    assert "were read and not sent yet" in operator.asks("go-live", ends=1)
    operator.asks("import", ends=None)
    assert "the platform is live since" in operator.asks("go-live")
    assert "the platform is live since" in operator.asks("go-live")
    assert "The past of this platform is closed" in operator.asks(
        "import", "second.jsonl", "--partner", PARTNER, ends=1
    )
    assert "The past of this platform is closed" in operator.asks("local", "up", "--loading", ends=1)
    assert not (loaded.directory / "loading").exists()
    status = json.loads(operator.asks("local", "status", "--json").splitlines()[-1])
    assert (status["ready"], status["clock"]) == (True, "system")
    # A process that is told otherwise does nothing, and says why.
    process = operator.stack.deployment.process("scorer", name="other", settings={"GOODSTANDING_CLOCK": "loading"})
    process.start()
    try:
        assert "nothing opens it again" in trouble_of(process)
    finally:
        process.stop()


@pytest.mark.timeout(600)
def test_a_new_partner_is_backfilled_for_declared_months_and_nobody_else(operator: Newcomer) -> None:
    """On the platform that has gone live."""
    deployment = operator.stack.deployment
    now, events = datetime.now(UTC), operator.directory / "bank.jsonl"
    began = month_start(month_of(now, ZONE) - 9, ZONE)
    lines = bank_events(began, 40, SETTINGS)
    events.write_bytes(b"\n".join(lines))
    declared = ("--from", f"{began.astimezone(ZONE):%Y-%m-%d}", "--until", f"{now.astimezone(ZONE):%Y-%m-%d}")
    assert "has sent events before" in operator.asks("import", "second.jsonl", "--partner", PARTNER, *declared, ends=1)
    told = operator.asks("import", "bank.jsonl", "--partner", "bank", *declared)
    assert "40 events sent" in told
    assert operator.stack.deployment.settings.backfill is None
    before = asyncio.run(held(deployment))
    assert "has sent events before" in operator.asks("import", "bank.jsonl", "--partner", "bank", *declared, ends=1)
    # The months are closed again, so what comes for them is late, as ever.
    late = operator.directory / "late.jsonl"
    late.write_bytes(bank_events(began, 41, SETTINGS)[-1])
    assert "too-late" in operator.asks("partner", "send", "bank", "late.jsonl", ends=1)
    after = asyncio.run(held(deployment))
    assert after["scorer.person"] == before["scorer.person"]


def trouble_of(process: ServiceProcess) -> str:
    """Why it is not ready, once it has come so far that it can say so."""
    deadline = time.monotonic() + _PATIENCE_S
    while (trouble := process.trouble() or "ready") == "starting" or trouble.startswith("waiting"):
        assert time.monotonic() < deadline, trouble
        time.sleep(0.05)  # nobody tells when it has: it has to be asked
    return trouble
