"""Signed links and sessions: who somebody is, for what, and until when, in a text that nobody else can make. Pure."""

from __future__ import annotations

import hmac
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from datetime import UTC, datetime
from typing import Literal, TypeAlias

import msgspec

Purpose: TypeAlias = Literal["link", "session"]
Role: TypeAlias = Literal["person", "support", "risk", "operator"]
_SIGNATURE_BYTES = 32
_NONCE_BYTES = 9
TOKEN_CHARACTERS_MAX = 512
"""Longer than any that is made here, so that nothing large is decoded for nobody."""


class Token(msgspec.Struct, frozen=True, array_like=True):
    """`who` is a user_id for a person, and a name for somebody at a desk. Each is made once, by its nonce."""

    purpose: Purpose
    role: Role
    who: str
    until: int
    """Seconds since 1970."""
    nonce: str

    @property
    def expires(self) -> datetime:
        return datetime.fromtimestamp(self.until, UTC)


def made(purpose: Purpose, role: Role, who: str, until: datetime) -> Token:
    return Token(purpose, role, who, int(until.timestamp()), secrets.token_urlsafe(_NONCE_BYTES))


def signed(token: Token, key: bytes) -> str:
    """The token as a text of letters, digits, hyphens and underscores."""
    content = msgspec.msgpack.encode(token)
    return urlsafe_b64encode(_signature(content, key) + content).rstrip(b"=").decode()


def read(text: str, purpose: Purpose, key: bytes, now: datetime) -> Token | None:
    """The token in a text, if it was signed with this key, for this purpose, and has not expired."""
    if len(text) > TOKEN_CHARACTERS_MAX or not text.isascii():
        return None
    try:
        raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (Error, ValueError):
        return None
    signature, content = raw[:_SIGNATURE_BYTES], raw[_SIGNATURE_BYTES:]
    # Only what was signed here is decoded at all.
    if not hmac.compare_digest(signature, _signature(content, key)):
        return None
    try:
        token = msgspec.msgpack.decode(content, type=Token)
    except msgspec.DecodeError:  # another release signed it, with a role or a form that is unknown here
        return None
    return token if token.purpose == purpose and now < token.expires else None


def form_word(session: str, key: bytes) -> str:
    """What a form of a session carries, so that no other site can send it (CSRF)."""
    return hmac.digest(key, b"form\n" + session.encode(), "sha256").hex()


def same(given: str, wanted: str) -> bool:
    """Whether two words are the same, in a time that does not tell where they differ."""
    return given.isascii() and hmac.compare_digest(given, wanted)


def _signature(content: bytes, key: bytes) -> bytes:
    return hmac.digest(key, b"token\n" + content, "sha256")
