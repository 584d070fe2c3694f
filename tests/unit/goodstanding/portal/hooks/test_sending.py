"""What one delivery leads to stays with it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from goodstanding.portal.hooks.sending import Sender


async def test_whatever_a_delivery_leads_to_is_its_failure_and_no_end_of_the_sending() -> None:
    """As of a secret that cannot be read: no key of a signature is one character of base64."""
    sender = Sender(db=None, allows_private=True)  # type: ignore[arg-type]  # a single failure asks no database
    row: Any = {"url": "http://127.0.0.1:9/", "message": "m", "body": b"{}", "secret": "whsec_x", "secret_before": None}
    assert await sender._failure(row, datetime.now(UTC)) == "Error"
    await sender.close()
