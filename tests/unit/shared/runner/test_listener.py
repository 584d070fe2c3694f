"""A port that answers although its process has no file descriptor left: in a process of its own, to be starved."""

from __future__ import annotations

import http.client
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from shared.runner.listener import listeners
from shared.settings import ROOT

_STARVED = """
import asyncio, os, resource, sys
from shared.runner.health import Health, serving
from shared.runner.metrics import Metrics
from shared.runner.observe import descriptors
from shared.settings import ServiceSettings

async def main():
    health, settings = Health(), ServiceSettings(kafka="nowhere:9092")
    from shared.runner.health import log
    log.info = lambda event, **fields: print(fields.get("port"), flush=True)
    async with serving("ingest", settings, health, Metrics()):
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
        taken = []
        async def take():
            # As clients do that connect again and again.
            while True:
                try:
                    taken.append(os.open(os.devnull, os.O_RDONLY))
                except OSError:
                    health.troubles = descriptors()
                    await asyncio.sleep(0)  # a turn for whoever answers
        starving = asyncio.create_task(take())
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
        starving.cancel()
        for each in taken:
            os.close(each)
        health.troubles = descriptors()
        print("fed", flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)

asyncio.run(main())
"""


@pytest.fixture
def starved() -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", _STARVED], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    yield process
    process.kill()
    process.communicate()


def _said(connection: http.client.HTTPConnection) -> tuple[int, str]:
    connection.request("GET", "/health/ready")
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


def test_readiness_is_answered_without_a_descriptor_and_comes_back(starved: subprocess.Popen[str]) -> None:
    assert starved.stdin is not None
    assert starved.stdout is not None
    port = int(starved.stdout.readline())
    words = "all of 64 file descriptors are in use"
    # Twice as often as the listener has descriptors in reserve.
    for _ in range(8):
        alone = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        status, said = _said(alone)
        alone.close()
        assert (status, words in said) == (503, True), said
    several = [http.client.HTTPConnection("127.0.0.1", port, timeout=5) for _ in range(3)]
    for _ in range(3):
        assert all(words in _said(each)[1] for each in several), "beside one that stays open"
    for each in several:
        each.close()
    silent = [socket.create_connection(("127.0.0.1", port), timeout=5) for _ in range(6)]
    status, said = _said(http.client.HTTPConnection("127.0.0.1", port, timeout=60))
    assert (status, words in said) == (503, True), "beside those that connect and say nothing"
    for one in silent:
        one.close()
    starved.stdin.write("\n")
    starved.stdin.flush()
    assert starved.stdout.readline() == "fed\n"
    assert _said(http.client.HTTPConnection("127.0.0.1", port, timeout=5)) == (200, '{"ready":true}')


def test_each_address_of_a_host_is_bound_and_a_port_that_is_taken_is_an_error() -> None:
    anywhere = listeners("", 0)
    assert anywhere
    [here] = listeners("127.0.0.1", 0)
    here.listen()
    port = here.getsockname()[1]
    with pytest.raises(OSError, match="in use"):
        listeners("127.0.0.1", port)
    for each in (*anywhere, here):
        each.close()
