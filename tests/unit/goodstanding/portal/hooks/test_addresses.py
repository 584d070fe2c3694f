"""Where a webhook may go: public addresses alone, in whichever form they are written."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from goodstanding.portal.hooks import addresses
from goodstanding.portal.hooks.addresses import AddressError, CheckedNetwork, check_url, is_public

PRIVATE = [
    "127.0.0.1",
    "127.255.255.254",
    "0.0.0.0",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "192.0.0.8",
    "192.88.99.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "fc00::1",
    "fd12:3456::1",
    "fe80::1",
    "fec0::1",
    "3fff::1",
    "2001:0:4136:e378:8000:63bf:80ff:fffe",
    "2001:1::1",
    "2001:2::1",
    "5f00::1",
    "::127.0.0.1",
    "::ffff:0:7f00:1",
    "64:ff9b:1::7f00:1",
    "fe80::1%eth0",
    "ff02::1",
    "2002:7f00:1::",
    "2002:c0a8:101::",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "2001:db8::1",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_are_known(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "93.184.215.14", "2606:4700::1111", "2a00:1450:4001::1"])
def test_public_addresses_are_known(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "https://",
        "http://firm.example/hook",
        "ftp://firm.example/",
        "file:///etc/passwd",
        "gopher://firm.example/",
        "//firm.example/hook",
        "https://user:secret@firm.example/",
        "https://firm.example/#fragment",
        "https://firm.example:22/",
        "https://firm.example:99999/",
        "https://firm.example/a b",
        "https://firm.example/\r\nX-Header: 1",
        "https://firm.example/\x00",
        "https://[::1",
        "https://firm.example/" + "a" * 500,
        "https://f\u00fcrm.example/",
        "https://firm.example/\u00e4",
        "https://firm..example/",
        f"https://{'a' * 64}.example/",
        "https://127.0.0.1/",
        "https://127.1/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]:8443/",
    ],
)
def test_what_is_no_address_of_a_webhook_is_refused(url: str) -> None:
    with pytest.raises(AddressError):
        check_url(url, allows_private=False)


def test_an_address_of_a_webhook_is_taken() -> None:
    check_url("https://firm.example/hooks/goodstanding?for=us", allows_private=False)
    check_url("https://firm.example:8443/", allows_private=False)
    check_url("https://93.184.215.14/", allows_private=False)
    check_url("http://127.0.0.1:8080/", allows_private=True)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "2130706433", "0x7f000001", "127.1"])
async def test_a_connection_is_made_to_no_private_address(host: str) -> None:
    with pytest.raises(AddressError):
        await CheckedNetwork(allows_private=False).connect_tcp(host.strip("[]"), 443, timeout=1)


@pytest.mark.parametrize("host", ["firm..example", "a" * 64 + ".example"])
async def test_a_name_that_nobody_can_have_is_said_to_be_so(host: str) -> None:
    """Any other error would end the sending to everybody."""
    with pytest.raises(AddressError):
        await CheckedNetwork(allows_private=True).connect_tcp(host, 443, timeout=1)


async def test_the_address_that_was_checked_is_the_one_that_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that means a public address when it is checked and a private one a moment later."""
    told = iter([["93.184.215.14"], ["127.0.0.1"]])
    opened: list[str] = []

    async def looked_up(host: str, port: int) -> list[str]:
        return next(told)

    network = CheckedNetwork(allows_private=False)

    class Opening:
        async def connect_tcp(self, host: str, *_: Any) -> None:
            opened.append(host)

    monkeypatch.setattr(addresses, "_looked_up", looked_up)
    monkeypatch.setattr(network, "_network", Opening())
    await network.connect_tcp("rebinding.example", 443)
    with pytest.raises(AddressError):
        await network.connect_tcp("rebinding.example", 443)
    assert opened == ["93.184.215.14"]


async def test_a_name_with_one_private_address_among_public_ones_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    async def looked_up(host: str, port: int) -> list[str]:
        await asyncio.sleep(0)  # a turn of the loop, as a look-up takes
        return ["93.184.215.14", "10.0.0.1"]

    monkeypatch.setattr(addresses, "_looked_up", looked_up)
    with pytest.raises(AddressError):
        await CheckedNetwork(allows_private=False).connect_tcp("two.example", 443)
