"""The bank makes mistakes, so that a demo on clean data also shows what becomes of bad events and of repeated ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

import msgspec

from goodstanding.partner.event import PartnerEvent

REPEATED_EVERY = 500
"""One event in so many is sent twice, as after a time-out."""
WRONG_EVERY = 1_000
"""After one event in so many comes a wrong copy of it, under an id of its own."""


def with_mistakes(events: Iterable[PartnerEvent]) -> Iterator[PartnerEvent]:
    """The same events, and a few repeated and wrong ones among them; which ones depends only on their order."""
    for index, event in enumerate(events):
        yield event
        if index % REPEATED_EVERY == 0:
            yield event
        if index % WRONG_EVERY == 1:
            spoil = _MISTAKES[index // WRONG_EVERY % len(_MISTAKES)]
            wrong = msgspec.json.decode(event.value)
            wrong["id"] += "/wrong"
            spoil(wrong)
            yield replace(event, value=msgspec.json.encode(wrong))


def _private_number(event: dict[str, Any]) -> None:
    event["data"]["customer"]["account"] = "customer 4711"


def _next_year(event: dict[str, Any]) -> None:
    event["time"] = f"{int(event['time'][:4]) + 1}{event['time'][4:]}"


def _unknown_field(event: dict[str, Any]) -> None:
    event["data"]["remark"] = "sent by the night shift"


_MISTAKES: tuple[Callable[[dict[str, Any]], None], ...] = (_private_number, _next_year, _unknown_field)
