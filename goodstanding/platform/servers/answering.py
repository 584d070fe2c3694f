"""Whether a server answers, waiting until it does, and why it does not: the words of its log where it ended."""

from __future__ import annotations

import asyncio
import contextlib
import re
from pathlib import Path

import asyncpg
from aiokafka.errors import KafkaError

from goodstanding.platform.servers import process
from goodstanding.platform.servers.errors import ServersError, explain
from goodstanding.platform.servers.server import Name, Server
from goodstanding.platform.servers.written import Instance

_START_TIMEOUT_S = 90.0  # Kafka needs 1 to 3 s, on a machine that is busy with other things many times that.
_ANSWER_TIMEOUT_S = 10.0  # A server that is only slow must not be taken for one that hangs.
_POLL_S = 0.02
_NO_ANSWER = (OSError, KafkaError, asyncpg.PostgresError)


class PortTakenError(ServersError):
    """Somebody else took the port between our choice and the server's start."""


def answers(server: Server, port: int) -> bool:
    """Blocks for up to 10 s."""
    try:
        asyncio.run(_ask(server, port))
    except _NO_ANSWER:
        return False
    return True


def wait_until_answering(name: Name, server: Server, instance: Instance, log: Path, log_start: int) -> None:
    """Ask until the server answers. When it ends instead, or takes too long, raises ServersError with what its log says
    from `log_start` (bytes) on; PortTakenError if that is the reason."""
    asyncio.run(_until_answering(name, server, instance, log, log_start))


async def _ask(server: Server, port: int) -> None:
    async with asyncio.timeout(_ANSWER_TIMEOUT_S):
        await server.answer(port)


async def _until_answering(name: Name, server: Server, instance: Instance, log: Path, log_start: int) -> None:
    async def ask_again() -> None:
        while True:
            with contextlib.suppress(*_NO_ANSWER):
                return await _ask(server, instance.ports[0])
            await asyncio.sleep(_POLL_S)  # a server that is starting gives no other sign

    asking = asyncio.create_task(ask_again())
    try:
        async with asyncio.timeout(_START_TIMEOUT_S):
            while not asking.done():
                if not process.alive(instance.process):
                    raise _failure(f"{name} ended while starting", log, log_start)
                await asyncio.wait({asking}, timeout=_POLL_S)
            await asking
    except TimeoutError:
        process.kill(instance.process)
        raise _failure(f"{name} did not answer within {_START_TIMEOUT_S:.0f} s", log, log_start) from None
    finally:
        asking.cancel()


def _failure(what: str, log: Path, log_start: int) -> ServersError:
    with log.open("rb") as file:
        file.seek(log_start)
        said = file.read().decode(errors="replace")
    if re.search("Address already in use|Failed to bind|could not bind", said):
        return PortTakenError(f"{what}: its port is taken by another program")
    return explain(f"{what} ({log})", said)
