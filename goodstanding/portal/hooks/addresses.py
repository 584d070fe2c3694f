"""Which addresses a webhook may be sent to: looked up and checked for each connection, and used as they were checked.

A name can mean another address a moment later, and a redirect any. So no redirect is followed, and the connection goes
to the very address that was checked.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Iterable
from urllib.parse import urlsplit

import httpcore

_PORTS = (443, 8443)
_PRIVATE = "The address belongs to a private network."
_NO_NAME = "The host's name cannot be looked up."
_SPECIAL = [
    ipaddress.ip_network(each)
    for each in (
        "192.0.0.0/24",  # for protocols of the network itself (RFC 6890)
        "2001::/23",  # the same (RFC 2928), Teredo included
        "192.88.99.0/24",  # whoever is the nearest relay of 6to4 (RFC 7526)
        "fec0::/10",  # of one site, in networks that were set up before fc00::/7 was (RFC 3879)
        "3fff::/20",  # for documents (RFC 9637)
    )
]
"""What no webhook goes to, although Python counts it, or some of it, among the open network."""


class AddressError(Exception):
    """The address is none to which a webhook may go. `str()` says why, to whoever made the webhook."""


def check_url(url: str, *, allows_private: bool) -> None:
    """Whether the text may be a webhook's address at all, whatever it stands for today. Raises AddressError."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise AddressError("The address cannot be read.") from None
    if any(not "!" <= character <= "~" for character in url) or len(url) > 500:
        raise AddressError("Write the address in ASCII, without spaces, and with 500 characters at most.")
    if parts.username or parts.password or parts.fragment:
        raise AddressError("The address has a login or a fragment; leave it out.")
    if not parts.hostname:
        raise AddressError("The address names no host.")
    if allows_private:
        if parts.scheme not in ("http", "https"):
            raise AddressError("The address begins with https://.")
        return
    if parts.scheme != "https" or port not in (None, *_PORTS):
        raise AddressError("The address begins with https://, and its port is 443 or 8443.")
    if not all(map(is_public, _written(parts.hostname))):
        raise AddressError(_PRIVATE)


def _written(host: str) -> list[str]:
    """The address that a host is, in any form that is read without looking up a name. Raises AddressError."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except UnicodeError:
        raise AddressError(_NO_NAME) from None
    except OSError:
        return []
    return [str(each[4][0]) for each in found]


def is_public(address: str) -> bool:
    """Whether the address belongs to the open network, in whichever form it is written."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if any(found in each for each in _SPECIAL):
        return False
    if isinstance(found, ipaddress.IPv6Address):
        inside = found.ipv4_mapped or found.sixtofour
        # 64:ff9b::/96 stands for an address of the older kind, too (RFC 6052).
        if found in ipaddress.ip_network("64:ff9b::/96"):
            inside = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        if inside is not None and not is_public(str(inside)):
            return False
    return found.is_global and not found.is_multicast and not found.is_reserved


class CheckedNetwork(httpcore.AsyncNetworkBackend):
    """Opens connections to public addresses only. Of a name every address must be one: whoever answers with a private
    one beside it means no good."""

    def __init__(self, *, allows_private: bool) -> None:
        self._allows_private = allows_private
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        addresses = await _looked_up(host, port)
        if not self._allows_private and not all(map(is_public, addresses)):
            raise AddressError(_PRIVATE)
        return await self._network.connect_tcp(addresses[0], port, timeout, local_address, socket_options)

    async def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None
    ) -> httpcore.AsyncNetworkStream:
        raise AddressError("The address is a socket of this machine.")

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


async def _looked_up(host: str, port: int) -> list[str]:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):  # the latter for a name with a part that is empty or too long
        raise AddressError(_NO_NAME) from None
    addresses = list(dict.fromkeys(str(each[4][0]) for each in found))
    if not addresses:
        raise AddressError("The host's name stands for no address.")
    return addresses
