"""What ingest would say of an event that comes over HTTP: by its own rules, and under a key that is worth nothing.

Whether an event is refused does not depend on the key of the pseudonyms, so the process that strangers talk to is not
given it. It judges under a key of its own. The pseudonyms that come of that are nobody's and are used for one thing:
events of one person go to one partition, in the order in which they came.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import structlog
from pydantic import SecretStr

from goodstanding.portal.settings import PortalSettings
from services.ingest.core.normalize import Judged, Normalized, judged
from services.ingest.core.partner import Partner
from services.ingest.loading import load_context, load_partner
from services.ingest.settings import IngestSettings
from shared.contracts.partition import partition_of
from shared.policy_file import RATES
from shared.settings import key_bytes
from shared.toml_file import ConfigError

log = structlog.get_logger("portal")
_FIRST = 0


@dataclass(frozen=True, slots=True)
class Sent:
    """A message as it will lie on the partner's topic."""

    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]


class _Kept(NamedTuple):
    stamps: tuple[tuple[int, int], ...]
    partner: Partner


class Judging:
    """Judges by the partners' files as they lie there now."""

    def __init__(self, settings: PortalSettings) -> None:
        own = hmac.digest(key_bytes(settings.portal_key), b"goodstanding/portal/judging", "sha256")
        self._settings = IngestSettings(
            kafka="",
            zone=settings.zone,
            currency=settings.currency,
            key=SecretStr(own.hex()),
            identity_scheme=settings.identity_scheme,
            retention_profile=settings.retention_profile,
            policies=settings.policies,
            partners=settings.partners,
        )
        self._kept: dict[str, _Kept] = {}

    async def partner(self, name: str) -> Partner | None:
        """The partner of this name; None where there is none. A file that has a fault changes nothing: what it said
        before stays in force, as in ingest (decision 0037). Raises ConfigError where nothing was in force."""
        file, kept = self._settings.partners / f"{name}.toml", self._kept.get(name)
        try:
            stamps = (_stamp(file), _stamp(self._settings.policies / RATES))
        except OSError:
            return kept.partner if kept else None
        if kept is None or kept.stamps != stamps:
            try:
                read = await asyncio.to_thread(self._read, file)
            except (ConfigError, OSError) as error:
                if kept is None:
                    raise
                log.error("a file is not used", file=file.name, because=str(error))
                read = kept.partner
            kept = self._kept[name] = _Kept(stamps, read)
        return kept.partner

    def _read(self, file: Path) -> Partner:
        return load_partner(file, load_context(self._settings))


def verdicts(partner: Partner, sent: Sent, arrived: datetime) -> Sequence[Judged]:
    """What ingest says of each event of a message that arrives at this instant."""
    return judged(partner, sent, arrived)


def partition(found: Sequence[Judged]) -> int:
    """Where the message goes: to that of the first person whom it is about."""
    return next((partition_of(each.user_id) for each in found if isinstance(each, Normalized)), _FIRST)


def _stamp(file: Path) -> tuple[int, int]:
    stat = file.stat()
    return stat.st_mtime_ns, stat.st_size
