"""What a process offers over HTTP: health and metrics, and no page from which somebody could publish."""

from __future__ import annotations

import asyncio
import json
import re
import urllib.error
import urllib.request
from collections.abc import AsyncIterator

import pytest

from shared.runner import health
from shared.runner.metrics import Metrics
from shared.settings import ServiceSettings


@pytest.fixture
async def base(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[str]:
    listening: dict[str, object] = {}
    monkeypatch.setattr(health.log, "info", lambda event, **fields: listening.update(fields))
    settings = ServiceSettings(kafka="nowhere:9092")
    async with health.serving("ingest", settings, health.Health(), Metrics()):
        yield f"http://{listening['host']}:{listening['port']}"


async def status(method: str, url: str) -> int:
    def ask() -> int:
        try:
            with urllib.request.urlopen(urllib.request.Request(url, method=method, data=None), timeout=5) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code

    return await asyncio.to_thread(ask)


@pytest.mark.parametrize("path", ["/", "/docs", "/docs/try", "/asyncapi", "/asyncapi/try", "/schema"])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_nothing_to_try(base: str, method: str, path: str) -> None:
    assert await status(method, base + path) == 404


async def test_health_and_metrics(base: str) -> None:
    assert await status("GET", f"{base}/health/live") == 200
    assert await status("GET", f"{base}/health/ready") == 503
    with await asyncio.to_thread(urllib.request.urlopen, f"{base}/metrics") as answer:
        assert re.search(r"^goodstanding_ready 0\.0$", answer.read().decode(), re.MULTILINE)


async def test_what_is_worth_knowing_of_a_process_that_is_ready() -> None:
    told = health.Health()
    told.troubles = []
    assert (await told.ready({})).body == b'{"ready":true}'
    told.spare = "no shards"
    answer = await told.ready({})
    assert (answer.status_code, answer.body) == (200, b'{"ready":true,"spare":"no shards"}')


async def test_programs_are_told_that_a_process_waits_for_the_operator() -> None:
    told = health.Health()
    told.waits_for = ["Kafka is older than Postgres"]
    expected = (
        b'{"ready":false,"because":"starting","waits_for":["Kafka is older than Postgres"],"decided_by":"offsets"}'
    )
    answer = await told.ready({})
    assert (answer.status_code, answer.body) == (503, expected)


async def test_which_files_are_in_force_is_told_by_a_process_that_is_not_ready_too() -> None:
    told = health.Health()
    told.files, told.remarks = {"partners/bank.toml": "4e60ee9e226c"}, ["bank.toml is gone."]
    answer = await told.ready({})
    assert answer.status_code == 503
    assert json.loads(answer.body) == {
        "ready": False,
        "because": "starting",
        "remarks": ["bank.toml is gone."],
        "files": {"partners/bank.toml": "4e60ee9e226c"},
    }
