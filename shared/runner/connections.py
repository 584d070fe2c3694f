"""How many connections a port keeps open, and for how long without a request: a client that connects and says nothing
would hold a file descriptor for good, and in the end the last one, over which readiness is asked for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

IDLE_S = 10.0
"""From the opening of a connection, or from its last answer, to the end of the head of the next request. Between
requests uvicorn's own bound of five seconds ends a connection on which nothing comes at all."""


def protocol(most: int, is_short: Callable[[], bool]) -> type[H11Protocol]:
    """The protocol of a server that keeps at most so many connections. Where that is not enough, or where `is_short`
    says that no descriptor is left for whoever comes next, the one that has been idle longest is closed."""

    class Bounded(_Connection):
        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
            super().connection_made(transport)
            others: Iterable[Any] = self.connections - {self}
            idle = [each for each in others if each.is_idle]
            if idle and (len(self.connections) > most or is_short()):
                min(idle, key=lambda each: each.since).transport.close()
            elif len(self.connections) > most:
                transport.close()

    return Bounded


class _Connection(H11Protocol):
    since = 0.0
    """When it became idle, by the clock of the event loop."""
    _ending: asyncio.TimerHandle | None = None

    @property
    def is_idle(self) -> bool:
        """Whether no request is being answered. One that is closing is none that could be closed."""
        cycle: Any = self.cycle
        return not self.transport.is_closing() and (cycle is None or cycle.response_complete)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        super().connection_made(transport)
        self._rest()

    def on_response_complete(self) -> None:
        self._rest()
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self._ending is not None:
            self._ending.cancel()

    def _rest(self) -> None:
        self.since = self.loop.time()
        if self._ending is not None:
            self._ending.cancel()
        self._ending = self.loop.call_later(IDLE_S, self._end)

    def _end(self) -> None:
        if self.is_idle:
            self.transport.close()
