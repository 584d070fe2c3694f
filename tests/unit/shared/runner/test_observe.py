"""Readiness tells of file descriptors while there is one left to tell it over, and of files that are not used."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import resource
from collections.abc import Iterator
from typing import Any, cast

import pytest
from prometheus_client import generate_latest

from shared.runner import observe
from shared.runner.health import Health
from shared.runner.metrics import Metrics
from shared.runner.observe import descriptors


@pytest.fixture
def limit() -> Iterator[int]:
    """A limit that leaves the test some to open."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = max(200, 2 * len(os.listdir("/dev/fd")))
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, before[1]))
    yield limit
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def opened(count: int) -> list[int]:
    return [os.open(os.devnull, os.O_RDONLY) for _ in range(count)]


def test_a_few_are_no_trouble(limit: int) -> None:
    assert descriptors() == []


@pytest.mark.parametrize("left", [5, 0])
def test_few_left_are_told_of(limit: int, left: int) -> None:
    held = opened(limit - left - len(os.listdir("/dev/fd")) + 1)
    try:
        [sentence] = descriptors()
        assert f"of {limit} file descriptors are in use" in sentence
    finally:
        for each in held:
            os.close(each)


class _Files:
    """Files that fail to be looked at once, and then have a fault."""

    looks = 0

    def __init__(self, failure: BaseException) -> None:
        self._failure = failure
        self.looked_often = asyncio.Event()

    @property
    def in_force(self) -> dict[str, str]:
        return {"partners/bank.toml": f"content-{self.looks}"}

    @property
    def faults(self) -> list[str]:
        return [] if self.looks < 3 else ["partners/bank.toml:3: kind: It is wrong."]

    async def look(self) -> None:
        self.looks += 1
        if self.looks == 5:
            self.looked_often.set()
        if self.looks == 1:
            raise self._failure


@pytest.mark.parametrize("failure", [OSError("the disk is away"), asyncio.CancelledError()], ids=["disk", "client"])
async def test_the_files_in_force_and_their_faults_are_in_readiness_and_metrics(
    monkeypatch: pytest.MonkeyPatch, failure: BaseException
) -> None:
    monkeypatch.setattr(observe, "_FILES_EVERY_S", 0)
    files, health, metrics = _Files(failure), Health(), Metrics()
    health.troubles = []
    watching = asyncio.create_task(observe.watch_files(files, health, metrics))
    async with asyncio.timeout(10):
        await files.looked_often.wait()
    watching.cancel()
    answer = await health.ready(cast(Any, None))
    said = json.loads(answer.body)
    assert (answer.status_code, said["ready"], said["remarks"]) == (200, True, files.faults)
    assert list(said["files"]) == ["partners/bank.toml"]
    page = [line for line in generate_latest(metrics.registry).decode().splitlines() if "goodstanding_file" in line]
    series = [line for line in page if not line.startswith("#")]
    assert len(series) == 2, "one content of a file, and how many have a fault"
    assert "goodstanding_files_at_fault 1.0" in series
    health.remarks, health.files = [], {}
    assert (await health.ready(cast(Any, None))).body == b'{"ready":true}'


async def test_a_look_that_outlives_its_process_fails_without_a_word() -> None:
    """As one does that asks a consumer which the process has closed meanwhile."""
    gc.collect()  # What the tests before this one have left would be told as well.
    told: list[object] = []
    loop = asyncio.get_running_loop()
    before = loop.get_exception_handler()
    loop.set_exception_handler(lambda _, context: told.append(context["message"]))
    closed = asyncio.Event()

    async def asking() -> None:
        await closed.wait()
        raise OSError("it is closed")

    look = observe._Look("Kafka", asking)
    observing = asyncio.create_task(look.trouble())
    await asyncio.sleep(0)  # a turn for the task that was made, or that has been told to end
    observing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await observing
    closed.set()
    for _ in range(3):
        await asyncio.sleep(0)  # a turn for the task that was made, or that has been told to end
    del look, observing
    gc.collect()
    await asyncio.sleep(0)  # a turn for the task that was made, or that has been told to end
    loop.set_exception_handler(before)
    assert told == []


async def test_a_cancellation_that_a_client_lets_out_does_not_end_the_looking() -> None:
    answers = iter([asyncio.CancelledError(), None])

    async def look() -> None:
        if error := next(answers):
            raise error

    looking = observe._Look("Kafka", look)
    said = [await looking.trouble() for _ in range(2)]
    assert said == ["Kafka does not answer: LeakedCancellationError", None]


async def test_what_is_looked_at_now_and_then_is_in_trouble_until_a_look_has_found_it_well() -> None:
    answers = iter([OSError("away"), OSError("away"), None])

    async def look() -> None:
        if error := next(answers):
            raise error

    times = iter([True, False, False, False])
    looking = observe._Look("Postgres", look, lambda: next(times))
    said = [await looking.trouble() for _ in range(4)]
    assert said == ["Postgres does not answer: OSError", "Postgres does not answer: OSError", None, None]


def test_several_looks_at_a_server_that_is_away_tell_one_trouble() -> None:
    async def look() -> None:
        return

    looks = [observe._Look(server, look) for server in ("Kafka", "Kafka", "Postgres")]
    assert observe._one_each(looks, ["Kafka does not answer: a", "Kafka does not answer: b", None]) == [
        "Kafka does not answer: a"
    ]
