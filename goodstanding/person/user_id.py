"""From what a person is called to the pseudonym, for whoever holds the deployment's key."""

from __future__ import annotations

import re

import asyncpg

from goodstanding.errors import UserError
from goodstanding.platform.deployment import Deployment
from goodstanding.platform.fixed_settings import FixedSettings
from shared.contracts import identity

SHOWN = 16
"""So many characters of a user_id are shown where a line has little room; they are as good as the whole one."""
_USER_ID = re.compile(identity.USER_ID_PATTERN)
_BEGINNING = re.compile("[0-9a-f]{8,63}")
_DIGITS = 64
_KNOWN_TO = {"scorer": "explain", "retention": "current", "benefits": "current"}
"""The views that are made for tools, by the service that has them."""


def user_id_of(text: str, settings: FixedSettings | None) -> str:
    """The user_id of an identifier of the common scheme; one that is a user_id already stays. Raises UserError."""
    if _USER_ID.fullmatch(text):
        return text
    if settings is None:
        raise UserError(
            "There is no deployment key here.", "Set GOODSTANDING_KEY, or start a local stack: goodstanding local up"
        )
    try:
        normalized = identity.normalize(settings.identity_scheme, text)
        return identity.user_id(bytes.fromhex(settings.key), settings.identity_scheme, normalized)
    except identity.IdentifierError as error:
        raise UserError(error.sentence) from None


async def known_user_id(text: str, deployment: Deployment) -> str:
    """As `user_id_of`, and the beginning of a user_id will do if the platform knows just one that begins so.

    An identifier comes first: the numbers of a scheme may look like the beginning of a user_id. Raises UserError.
    """
    try:
        return user_id_of(text, deployment.settings)
    except UserError:
        if not _BEGINNING.fullmatch(text):
            raise
    found: set[bytes] = set()
    for service, view in _KNOWN_TO.items():
        found |= await _beginning_with(deployment.dsn(service), f"{service}.{view}", text)
    match sorted(found):
        case [one]:
            return one.hex()
        case []:
            raise UserError(f"Nobody whom the platform knows has a user_id that begins with {text}.")
        case _:
            raise UserError(f"Several user_ids begin with {text}.", "Write more of it.")


async def _beginning_with(dsn: str, view: str, text: str) -> set[bytes]:
    """At most two: more need not be told apart from two."""
    low, high = (bytes.fromhex(text.ljust(_DIGITS, filler)) for filler in "0f")
    query = f"select distinct user_id from {view} where user_id between $1 and $2 limit 2"
    db = await asyncpg.connect(dsn)
    try:
        return {row["user_id"] for row in await db.fetch(query, low, high)}
    finally:
        await db.close()
