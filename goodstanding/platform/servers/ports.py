"""Ports of 127.0.0.1 for servers that have none yet."""

from __future__ import annotations

import contextlib
import random
import socket

# Below the range from which systems give ports to outgoing connections (Linux from 32768, others from 49152). Out of
# that range, somebody's connection, even a client's own attempt to reconnect, could sit on a killed server's port.
PORTS = range(20_000, 32_000)


def free_ports(count: int) -> tuple[int, ...]:
    """Ports that nobody listens on just now."""
    free: list[int] = []
    while len(free) < count:
        port = random.choice(PORTS)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            if port not in free:
                free.append(port)
    return tuple(free)
