"""When a partner's record had arrived which the operator has had appended once more.

The broker dates it by the second time, so the first one goes along in a header. Partners write to the same topic, and
none may say of itself when its event came (rules E18): so the header has a code under the deployment's key, over all of
the record. Who repeats the whole record repeats an event that is known, or one that is to stay erased (rules I12).
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Sequence
from datetime import timedelta

import msgspec

from shared.contracts.cloudevents import FIRST_ARRIVAL, Headers

HEADER = FIRST_ARRIVAL
REDRIVEN_WITHIN = timedelta(days=8)
"""A week in its topic, and a day until the broker deletes it. Who redrives a record again and again brings it no
further: a week later a service may have forgotten that its person was erased (`ON_THE_WAY_MAX`)."""

_CONTENT = re.compile(rb"([0-9]{1,14})\.([0-9a-f]{64})")


def dated(
    key: bytes, topic: str, record_key: bytes | None, value: bytes | None, headers: Headers, arrived_ms: int
) -> Sequence[tuple[str, bytes | None]]:
    """The headers with that of the first arrival, which is the last of them."""
    rest = undated(headers)
    code = _code(key, topic, record_key, value, rest, arrived_ms)
    return (*rest, (HEADER, b"%d.%s" % (arrived_ms, code)))


def undated(headers: Headers) -> Sequence[tuple[str, bytes | None]]:
    """What its partner has sent."""
    return [each for each in headers if each[0] != HEADER]


def arrived_ms(key: bytes, topic: str, record_key: bytes | None, value: bytes | None, headers: Headers) -> int | None:
    """When the broker had taken the record first; None where nobody with the key says so."""
    if not headers or headers[-1][0] != HEADER:
        return None
    found = _CONTENT.fullmatch(headers[-1][1] or b"")
    if found is None:
        return None
    at_ms = int(found[1])
    code = _code(key, topic, record_key, value, undated(headers), at_ms)
    return at_ms if hmac.compare_digest(code, found[2]) else None


def _code(key: bytes, topic: str, record_key: bytes | None, value: bytes | None, headers: Headers, at_ms: int) -> bytes:
    named = [(name.encode(errors="surrogatepass"), content) for name, content in headers]
    content = msgspec.msgpack.encode((topic, record_key, value, named, at_ms))
    return hmac.digest(key, b"redriven\n" + content, "sha256").hex().encode()
