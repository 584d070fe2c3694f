"""A port that still answers when the process has no file descriptor left: then readiness says so, in words.

A connection that is accepted needs a descriptor. So each listener holds some in reserve, and gives one up in the very
call that accepts, since a client that connects again and again would take it in between. It takes one back in the call
that closes the connection.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable, Sequence
from typing import Any

_RESERVE = 4
"""A probe, somebody who looks, one that keeps its connection open, and one for whoever comes next."""
_NONE_LEFT = (errno.EMFILE, errno.ENFILE)
_NOT_HERE = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL)
"""What a machine without IPv6 says of such an address, of which a name may have one beside another."""


def listeners(host: str, port: int) -> Sequence[Listener]:
    """One bound to each address of the host. Raises OSError."""
    found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    made: list[Listener] = []
    missing = OSError(errno.EADDRNOTAVAIL, "the host has no address")
    for family, kind, protocol, _, address in dict.fromkeys(found):
        try:
            made.append(_bound(Listener(family, kind, protocol), address))
        except OSError as error:
            if error.errno not in _NOT_HERE:
                for each in made:
                    each.close()
                raise
            missing = error
    if not made:
        raise missing
    return made


def _bound(listener: Listener, address: Any) -> Listener:
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if listener.family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind(address)
    except OSError:
        listener.close()
        raise
    return listener


class Listener(socket.socket):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._reserve: list[int] = []
        self._replenish()

    @property
    def is_exhausted(self) -> bool:
        """Whether the next connection finds no descriptor."""
        return self.fileno() >= 0 and not self._reserve

    def accept(self) -> tuple[socket.socket, Any]:
        self._replenish()
        try:
            return super().accept()
        except OSError as error:
            if error.errno not in _NONE_LEFT or not self._reserve:
                raise
        os.close(self._reserve.pop())
        try:
            made, address = super().accept()
        finally:
            self._replenish()
        return _Lent(made, self._replenish), address

    def close(self) -> None:
        super().close()
        while self._reserve:
            os.close(self._reserve.pop())

    def _replenish(self) -> None:
        try:
            while self.fileno() >= 0 and len(self._reserve) < _RESERVE:
                self._reserve.append(os.open(os.devnull, os.O_RDONLY))
        except OSError as error:
            if error.errno not in _NONE_LEFT:
                raise


class _Lent(socket.socket):
    """A connection on a descriptor of the reserve."""

    def __init__(self, made: socket.socket, closed: Callable[[], None]) -> None:
        super().__init__(made.family, made.type, made.proto, fileno=made.detach())
        self._closed_then = closed

    def close(self) -> None:
        super().close()
        self._closed_then()
