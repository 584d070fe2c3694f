"""What `local` says of a platform besides whether its parts are ready: its clock, its cadence, and edited files."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from aiokafka.errors import KafkaError

from goodstanding import policies
from goodstanding.cli.frame import local
from goodstanding.errors import UserError
from goodstanding.loading.backfill import unfinished
from goodstanding.platform import files_at_start, files_in_force
from goodstanding.platform.fixed_settings import FixedSettings
from goodstanding.platform.servers import ServersError
from goodstanding.platform.stack import Stack
from shared.contracts import zones
from shared.contracts.times import rfc3339
from shared.toml_file import ConfigError


@dataclass(frozen=True, slots=True)
class Notes:
    """What is worth knowing of a platform besides whether it is ready."""

    settings: FixedSettings | None = None
    stands_at: datetime | None = None
    """What a stepped clock shows, where Kafka answers."""
    edited: Sequence[str] = ()

    def as_json(self) -> dict[str, Any]:
        return {
            "clock": self.settings.clock if self.settings else None,
            "clock_stands_at": rfc3339(self.stands_at) if self.stands_at else None,
            "cadence": self.settings.cadence if self.settings else None,
            "edited": list(self.edited),
        }

    def sentences(self) -> Iterator[str]:
        if self.settings and self.settings.clock == "loading":
            at = (
                f", and its clock shows {local(self.stands_at, zones.zone(self.settings.zone))}"
                if self.stands_at
                else ""
            )
            yield f"This platform is loading its past{at}. When that is complete: goodstanding go-live"
        if self.settings and self.settings.clock == "stepped":
            at = f" at {local(self.stands_at, zones.zone(self.settings.zone))}" if self.stands_at else ""
            yield (
                f"The clock of this platform stands still{at}: it is a demo's, and nothing becomes due by itself. "
                "For one with the system's clock: goodstanding local down --delete, then goodstanding local up."
            )
        if self.settings and self.settings.cadence == "continuous":
            yield "Scores are published as soon as they change (--continuous)."
        if self.settings and self.settings.backfill:
            yield " ".join(unfinished(self.settings.backfill))
        yield from self.edited


def notes_on(stack: Stack) -> Notes:
    settings = stack.settings
    if settings is None:
        return Notes()
    try:
        deployment = stack.deployment
        edited = _told_with_fault(files_in_force.edited(deployment), settings)
        stands_at = asyncio.run(deployment.led_to()) if settings.clock != "system" else None
    except (UserError, ServersError, OSError, KafkaError):
        # What does not answer is in the list of parts already.
        return Notes(settings)
    return Notes(settings, stands_at, edited)


def _told_with_fault(edited: Sequence[str], settings: FixedSettings) -> Sequence[str]:
    """What is said of edited files, and first what `local up` would refuse in them."""
    if edited:
        try:
            policies.check_all(settings)
        except ConfigError as error:
            return files_at_start.with_fault(edited, str(error), f"{error.file.name}:{error.line}:")
        except UserError as error:
            return files_at_start.with_fault(edited, str(error))
    return edited
