"""Telling whose a partner's customer numbers are: a file of pairs becomes entries of keyed hashes (decision 0031)."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from aiokafka import TopicPartition

from goodstanding.errors import UserError
from goodstanding.partner.content import text_of
from goodstanding.platform.deployment import Deployment, partners
from goodstanding.reading.offsets import asking
from shared.contracts import identity
from shared.contracts.crosswalk import entry_key, own_number
from shared.contracts.identity import IdentifierError
from shared.contracts.topics import crosswalk_topic
from shared.kafka.between import between
from shared.kafka.crosswalk import Crosswalk
from shared.kafka.sender import started

HEADER = ("number", "identifier")
_AT_ONCE = 5_000
_IN_PAIRS = "Write a customer number, a comma, and the person's identifier."
_SOMEBODY_ELSES = "This customer number belongs to somebody else already; an entry is never changed."


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the file. `cells` is None for a line that is no CSV."""

    line: int
    cells: Sequence[str] | None


@dataclass
class Told:
    """How many entries were new and how many were known; the lines that were refused, each with a sentence."""

    new: int = 0
    known: int = 0
    refused: dict[int, str] = field(default_factory=dict)


def rows_of(file: Path) -> Iterator[Row]:
    """The lines of a file (`-` is standard input) but for a header and empty ones. Raises UserError."""
    reader = csv.reader(io.StringIO(text_of(file)), strict=True)
    while True:
        try:
            cells: Sequence[str] | None = next(reader)
        except StopIteration:
            return
        except csv.Error:
            cells = None
        first = reader.line_num == 1
        if cells == [] or (first and cells is not None and tuple(map(str.strip, cells)) == HEADER):
            continue
        yield Row(reader.line_num, cells)


async def tell_crosswalk(
    deployment: Deployment, partner: str, rows: Iterator[Row], watch: Callable[[str], None]
) -> Told:
    """Append the entries that are new, and wait until Kafka has them. Raises what a client raises without a broker, and
    UserError where the topic is not made."""
    settings, kafka = deployment.settings, deployment.kafka
    key = bytes.fromhex(settings.key)
    told, crosswalk = Told(), Crosswalk(key)
    pending: dict[bytes, bytes] = {}
    async with crosswalk.followed(kafka, [partner]), started(kafka) as producer:
        for row in rows:
            try:
                entry = _entry(key, settings.identity_scheme, partner, row.cells)
            except (IdentifierError, ValueError) as error:
                told.refused[row.line] = str(error)
                continue
            number, user_id = entry
            known = pending.get(number) or _known(crosswalk, number)
            if known is None:
                pending[number] = user_id
            elif known == user_id:
                told.known += 1
            else:
                told.refused[row.line] = _SOMEBODY_ELSES
        watch(f"{len(pending):,} entries are new")
        entries = list(pending.items())
        for start in range(0, len(entries), _AT_ONCE):
            sending = [
                await producer.send(crosswalk_topic(partner), user_id, key=number, partition=0)
                for number, user_id in entries[start : start + _AT_ONCE]
            ]
            await asyncio.gather(*sending)
        told.new = len(entries)
    return told


async def read_crosswalk(deployment: Deployment, partner: str) -> Crosswalk:
    """All entries that were told for the partner until now; none where its topic is not made. Raises what a client
    raises without a broker."""
    crosswalk = Crosswalk(bytes.fromhex(deployment.settings.key))
    async with crosswalk.followed(deployment.kafka, (), [partner]):
        return crosswalk


async def holding(deployment: Deployment, user_id: str) -> list[str]:
    """The crosswalks that have a number of the person. Raises what a client raises without a broker."""
    found: list[str] = []
    async with asking(deployment.kafka) as offsets:
        for topic in map(crosswalk_topic, partners()):
            with suppress(UserError):  # a partner whose topics are not made has told nothing
                for at, kept in (await offsets.kept([topic])).items():
                    found += [topic] if await _numbers_of(deployment, at, kept, user_id.encode()) else []
    return found


async def _numbers_of(deployment: Deployment, at: TopicPartition, kept: range, user_id: bytes) -> list[bytes]:
    """The keys of the entries that are a person's, but for those that are forgotten already."""
    found: dict[bytes, None] = {}
    async for page in between(deployment.kafka, at, kept.start, kept.stop):
        for record in page:
            if record.value == user_id:
                found[record.key] = None
            elif record.value is None:
                found.pop(record.key, None)
    return list(found)


def _known(crosswalk: Crosswalk, number: bytes) -> bytes | None:
    try:
        return crosswalk.entry(number).user_id.encode()
    except KeyError:
        return None


def _entry(key: bytes, scheme: identity.SchemeName, partner: str, cells: Sequence[str] | None) -> tuple[bytes, bytes]:
    """Raises ValueError, whose sentence quotes nothing of the line."""
    if cells is None or len(cells) != len(HEADER):
        raise ValueError(_IN_PAIRS)
    number, identifier = own_number(cells[0]), identity.normalize(scheme, cells[1])
    return entry_key(key, partner, number), identity.user_id(key, scheme, identifier).encode()
