"""A mapping of a test's own, compiled as a file would be, and what it makes of messages."""

from __future__ import annotations

import tempfile
from pathlib import Path

from services.ingest.core.normalize import Judged, judged
from services.ingest.core.partner import Partner
from services.ingest.loading import load_partner
from tests.support.ingest.raw_events import RawEvent
from tests.support.ingest.shipped import ARRIVED, DEPLOYMENT


def partner_of(text: str, name: str = "partner") -> Partner:
    """The partner of this mapping. Raises ConfigError."""
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / f"{name}.toml"
        file.write_text(text, encoding="utf-8")
        return load_partner(file, DEPLOYMENT)


def read(partner: Partner, message: bytes) -> list[Judged]:
    """What each event of the message says."""
    return judged(partner, RawEvent(partner.name, message), ARRIVED)
