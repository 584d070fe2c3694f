"""What a process answers over HTTP: whether it lives, whether it is ready and why not, and its metrics."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from typing import Any, Literal

import msgspec
import structlog
import uvicorn
from faststream.asgi import AsgiFastStream, AsgiResponse, get
from faststream.asgi.types import Scope
from prometheus_client import make_asgi_app

from shared.runner.connections import protocol
from shared.runner.listener import listeners
from shared.runner.metrics import Metrics
from shared.settings import ServiceSettings

log = structlog.get_logger("process")

_JSON = {"content-type": "application/json"}
_CONNECTIONS_MAX = 64
"""Probes, a scraper, and some who look."""


class Health:
    """Live: the event loop turns. Ready: joined the group, every own shard works, and the servers answer.

    A file that cannot be used makes no process unready, since the earlier one stays in force; readiness names it.
    """

    def __init__(self) -> None:
        self.troubles: list[str] = ["starting"]
        self.files: dict[str, str] = {}
        """By file, the name of the content that is in force, where a service keeps up with files."""
        self.remarks: list[str] = []
        self.spare: str | None = None
        """Why the process has no shards, although nothing is wrong with it."""
        self.waits_for: list[str] = []
        """What the operator has to decide before the process can be ready, in a few words each."""
        self.decided_by: Literal["clock", "offsets"] = "offsets"
        """The group of commands by which the operator decides that: `goodstanding <group> accept <service>`."""

    async def live(self, _: Scope) -> AsgiResponse:
        return AsgiResponse(b'{"live":true}', 200, _JSON)

    async def ready(self, _: Scope) -> AsgiResponse:
        # Which files are in force does not depend on whether a server answers, and those who send events ask for it.
        of_files = {"remarks": self.remarks, "files": self.files}
        if self.troubles:
            waits = {"waits_for": self.waits_for, "decided_by": self.decided_by} if self.waits_for else {}
            return _answer(503, {"ready": False, "because": "; ".join(self.troubles), **waits}, of_files)
        return _answer(200, {"ready": True}, {"spare": self.spare, **of_files})


def _answer(status: int, always: dict[str, Any], if_any: dict[str, Any]) -> AsgiResponse:
    said = always | {name: each for name, each in if_any.items() if each}
    return AsgiResponse(msgspec.json.encode(said), status, _JSON)


class _Server(uvicorn.Server):
    """uvicorn, without its signal handlers: the process drains first and then ends the server itself."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.asynccontextmanager
async def serving(service: str, settings: ServiceSettings, health: Health, metrics: Metrics) -> AsyncIterator[None]:
    """The endpoints answer from the first moment, so that waiting for a server shows as "not ready"."""
    app = AsgiFastStream(
        asgi_routes=[
            ("/health/live", get(health.live)),
            ("/health/ready", get(health.ready)),
            ("/metrics", make_asgi_app(metrics.registry)),
        ]
    )
    async with listening(service, app, settings.http_host, settings.http_port, "GOODSTANDING_HTTP_PORT") as port:
        log.info("listening", service=service, host=settings.http_host, port=port)
        yield


@contextlib.asynccontextmanager
async def listening(
    service: str, app: Any, host: str, port: int, setting: str, connections_max: int = _CONNECTIONS_MAX
) -> AsyncIterator[int]:
    """An ASGI application answers at this address while the context lasts; yields the port. Ends the process with a
    sentence that names the setting if the port cannot be opened."""
    try:
        sockets = listeners(host, port)
    except OSError:
        raise SystemExit(f"{service}: port {port} cannot be opened; set {setting}") from None
    http = protocol(connections_max, lambda: any(each.is_exhausted for each in sockets))
    # Its own name is nobody's business.
    config = uvicorn.Config(app, http=http, lifespan="off", log_config=None, access_log=False, server_header=False)
    server = _Server(config)
    running = asyncio.create_task(server.serve(sockets=list(sockets)))
    while not server.started and not running.done():  # noqa: ASYNC110  # uvicorn offers no event for it
        await asyncio.sleep(0.01)
    if running.done():
        await running
        raise SystemExit(f"{service}: nobody can listen at port {port}; set {setting}")
    try:
        yield sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        await running
