"""Reads a partner's file onto the shelf: each event to the month in which it counts, or why it does not count.

Ingest's own rules read the events, so what they refuse need not be sent. What only the services behind ingest refuse is
not known yet.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import IO

from goodstanding.errors import UserError
from goodstanding.loading.pieces import Piece, are_joined, messages, read
from goodstanding.loading.shelf import File, Refused, Shelf, Shelved
from goodstanding.loading.unpacked import unpacked
from goodstanding.partner.event_file import too_many_alike
from goodstanding.partner.mapping_files import mapping_of
from goodstanding.partner.rehearsal import Forwarded, Judged, Rehearsal
from goodstanding.partner.verdicts import Result, Verdict
from goodstanding.platform.fixed_settings import FixedSettings
from services.ingest.core.members import EVENTS_MAX
from shared.contracts import zones
from shared.contracts.faults import Code
from shared.contracts.months import month_of
from shared.contracts.partition import partition_of
from shared.contracts.times import instant
from shared.kafka.crosswalk import Crosswalk
from shared.settings import partners_here

_AT_ONCE = 1_000
"""Pieces that are judged together; a refused table of theirs is judged again row by row."""
_TO_THE_MINUTE = len("2026-01-31T23:59")

Watch = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Days:
    """The days whose events are taken, in the deployment's zone: from the first one until before the last one."""

    since: date | None = None
    until: date | None = None


@dataclass(slots=True)
class _Sorted:
    """What became of some pieces."""

    shelved: list[Shelved] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    events: int = 0
    skipped: int = 0
    outside: int = 0


class Sorter:
    """Reads files of one partner. Raises UserError or ConfigError for a partner that cannot be used."""

    def __init__(
        self, partner: str, settings: FixedSettings, now: datetime, days: Days, crosswalk: Crosswalk | None = None
    ) -> None:
        self._partner, self._mapping = partner, mapping_of(partner)
        self._rehearsal = Rehearsal(partner, settings, now, crosswalk)
        self._zone = zones.zone(settings.zone)
        self._since, self._until = (self._begin_of(day) for day in (days.since, days.until))
        written = (partners_here() / f"{partner}.toml").read_bytes()
        self._read_by = hashlib.sha256(written + repr(days).encode()).digest()
        self._month_of = lru_cache(maxsize=4096)(self._month_of_minute)

    def put(self, file: Path, name: str, shelf: Shelf, room: Path, watch: Watch = lambda _: None) -> File:
        """Put the file on the shelf, unless it is there already; then only what was refused since its customer was not
        told is looked at again. `name` is what the user calls it; `watch` is told how many events were read. Raises
        UserError."""
        digest = _digest(file)
        if (known := shelf.find(self._partner, digest, self._read_by)) is not None:
            if not (unknown := shelf.refused_as(known.id, Code.UNKNOWN_CUSTOMER)):
                return known
            with unpacked(file, room) as content:
                self._put_again(content, known, unknown, shelf)
        else:
            with unpacked(file, room) as content:
                self._put(content, digest, name, file, shelf, watch)
        found = shelf.find(self._partner, digest, self._read_by)
        assert found is not None, "it was read to its end"
        return found

    def _put(self, content: IO[bytes], digest: bytes, name: str, file: Path, shelf: Shelf, watch: Watch) -> None:
        head, pieces = read(content, self._mapping, Path(name))
        id = shelf.begin(self._partner, digest, self._read_by, name, head)
        events = skipped = outside = 0
        while part := list(islice(pieces, _AT_ONCE)):
            judged = self._sort(head, part)
            shelf.put(id, judged.shelved, judged.refused)
            events += judged.events
            skipped += judged.skipped
            outside += judged.outside
            watch(events)
        if not events:
            raise UserError(f"{name} has no events in it.", "There is one on each line.")
        if (crowd := shelf.crowded(id, EVENTS_MAX)) is not None:
            raise too_many_alike(name, *crowd)
        shelf.end(id, events, skipped, outside)

    def _put_again(self, content: IO[bytes], file: File, unknown: Container[int], shelf: Shelf) -> None:
        head, pieces = read(content, self._mapping, Path(file.name))
        outside = file.outside
        while part := list(islice(pieces, _AT_ONCE)):
            again = [piece for piece in part if any(number in unknown for number in piece.numbers)]
            if again:
                judged = self._sort(head, again)
                shelf.put_again(file.id, again, judged.shelved, judged.refused)
                outside += judged.outside
        shelf.end(file.id, file.events, file.skipped, outside)

    def _sort(self, head: bytes, pieces: Sequence[Piece]) -> _Sorted:
        verdicts = self._judged(head, pieces)
        found = _Sorted(events=sum(piece.count for piece in pieces))
        for piece in pieces:
            places = []
            for number in piece.numbers:
                match verdicts.get(number) or verdicts[piece.number]:
                    case Forwarded() as event if (place := self._place(event)) is not None:
                        places.append(place)
                    case Forwarded():
                        found.outside += 1
                    case Verdict(result=Result.SKIPPED):
                        found.skipped += 1
                    case Verdict() as verdict:
                        found.refused.append(Refused(number, verdict.code, verdict.field, verdict.sentence))
            if places:
                # A message has arrived when the last of its events had happened.
                found.shelved.append(Shelved(*max(places), piece))
        return found

    def _judged(self, head: bytes, pieces: Sequence[Piece]) -> Mapping[int, Judged]:
        """What ingest says of each event, by its number; of a message that is refused as a whole by its first one."""
        found = self._read(head, pieces)
        if are_joined(self._mapping):
            # Where a table is refused as a whole nobody knows for which row, so each is judged alone.
            for piece in pieces:
                if piece.number not in found:
                    found |= self._read(head, [piece])
        return found

    def _read(self, head: bytes, pieces: Sequence[Piece]) -> dict[int, Judged]:
        found: dict[int, Judged] = {}
        for line in messages(self._mapping, head, pieces):
            judged = self._rehearsal.read([line])
            is_whole = len(judged) < len(line.numbers)
            if not (is_whole and are_joined(self._mapping)):
                found |= {each.line: each for each in judged}
        self._rehearsal.forget()
        return found

    def _place(self, event: Forwarded) -> tuple[int, int] | None:
        """The month and the shard in which it counts; None for a day that was not asked for."""
        time = next(content for name, content in event.record.headers if name == "ce_time").decode()
        if self._since or self._until:
            at = instant(time)
            if (self._since and at < self._since) or (self._until and at >= self._until):
                return None
        return self._month_of(time[:_TO_THE_MINUTE]), partition_of(event.user_id)

    def _month_of_minute(self, minute: str) -> int:
        return month_of(instant(f"{minute}:00Z"), self._zone)

    def _begin_of(self, day: date | None) -> datetime | None:
        return datetime.combine(day, time(), self._zone) if day else None


def _digest(file: Path) -> bytes:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").digest()
