"""A port with clients that connect and say nothing: over real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from shared.runner import connections
from shared.runner.health import listening

MOST = 4
ASK = b"GET / HTTP/1.1\r\nHost: here\r\n\r\n"
PATIENCE_S = 20.0

Client = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class App:
    """Answers when it may."""

    def __init__(self) -> None:
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.asked = asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Callable[[Any], Awaitable[None]]) -> None:
        self.asked.set()
        await self.may_answer.wait()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})


@pytest.fixture
def app() -> App:
    return App()


@pytest.fixture
async def port(app: App) -> AsyncIterator[int]:
    async with listening("tiny", app, "127.0.0.1", 0, "PORT", MOST) as port:
        yield port


async def connected(port: int) -> Client:
    return await asyncio.open_connection("127.0.0.1", port)


async def answer(client: Client, ask: bytes = ASK) -> bytes:
    """The last bytes of the answer; empty where the connection was closed instead."""
    reader, writer = client
    writer.write(ask)
    async with asyncio.timeout(PATIENCE_S):
        try:
            await reader.readuntil(b"\r\n\r\n")
            return await reader.readexactly(2)
        except (asyncio.IncompleteReadError, ConnectionError):
            return b""


async def is_closed(client: Client) -> bool:
    """Waits until the other side closes."""
    async with asyncio.timeout(PATIENCE_S):
        return await client[0].read(1) == b""


async def test_above_the_bound_the_one_that_was_idle_longest_is_closed(port: int) -> None:
    first, *others = [await connected(port) for _ in range(MOST)]
    assert await answer(first) == b"ok", "it was opened first, and is idle only from now on"
    last = await connected(port)
    assert await is_closed(others[0])
    assert [await answer(each) for each in (first, *others[1:], last)] == [b"ok"] * MOST


async def test_many_that_say_nothing_keep_nobody_from_an_answer(port: int) -> None:
    silent = [await connected(port) for _ in range(300)]
    assert await answer(await connected(port)) == b"ok"
    assert await is_closed(silent[0])


async def test_none_that_is_being_answered_is_closed_for_another(app: App, port: int) -> None:
    app.may_answer.clear()
    clients = [await connected(port) for _ in range(MOST)]
    for _, writer in clients:
        writer.write(ASK)
        await app.asked.wait()
        app.asked.clear()
    assert await is_closed(await connected(port)), "there is no room for one more"
    app.may_answer.set()
    assert [await answer(each, b"") for each in clients] == [b"ok"] * MOST


@pytest.mark.parametrize("said", [b"", b"GET / HTTP/1.1\r\nHost: he"], ids=["nothing", "half of it"])
@pytest.mark.parametrize("before", [b"", ASK], ids=["at first", "after an answer"])
async def test_whoever_does_not_ask_in_time_is_closed(
    port: int, said: bytes, before: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "IDLE_S", 0.2)
    client = await connected(port)
    if before:
        assert await answer(client) == b"ok"
    client[1].write(said)
    assert await is_closed(client)


async def test_an_answer_may_take_longer(app: App, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "IDLE_S", 0.1)
    app.may_answer.clear()
    asked, silent = await connected(port), await connected(port)
    asked[1].write(ASK)
    await app.asked.wait()
    assert await is_closed(silent)
    app.may_answer.set()
    assert await answer(asked, b"") == b"ok"
