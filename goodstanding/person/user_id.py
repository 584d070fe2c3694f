"""From what a person is called to the pseudonym, for who holds the deployment's key."""

from __future__ import annotations

import re

from goodstanding.errors import UserError
from goodstanding.platform.deployment import Settings
from shared.contracts import identity

_USER_ID = re.compile(identity.USER_ID_PATTERN)


def user_id_of(text: str, settings: Settings | None) -> str:
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
