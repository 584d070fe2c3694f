"""The rules of the work for the peers that are written in Python, with the JSON library that they are fastest with."""

import sys
from typing import Any

import orjson

KINDS = {"card.payment", "credit.payment", "electricity.bill", "hotel.stay"}
SEEN_MAX = 32
DIGITS = frozenset("0123456789abcdef")


def event_of(value: bytes) -> dict[str, Any] | None:
    """The event, or None for one that is not valid."""
    try:
        event = orjson.loads(value)
    except orjson.JSONDecodeError:
        return None
    if type(event) is not dict:
        return None
    id = event.get("id")
    valid = (
        type(id) is str
        and len(id) == 16
        and DIGITS.issuperset(id)
        and _is_text(event.get("person"), 32)
        and event.get("kind") in KINDS
        and _is_number(event.get("amount"), 0, 1_000_000_000)
        and _is_number(event.get("days_late"), 0, 3_650)
        and _is_number(event.get("at"), 1, sys.maxsize)
        and _is_text(event.get("partner"), 40)
        and type(event.get("note")) is str
    )
    return event if valid else None


def folded(state: Any, event: dict[str, Any]) -> tuple[list[Any], bytes] | None:
    """The state after the event and the change that is sent; None for a duplicate."""
    events, amount, late, worst, seen = state or (0, 0, 0, 0, [])
    id, days_late = event["id"], event["days_late"]
    if id in seen:
        return None
    events, amount, late, worst = events + 1, amount + event["amount"], late + (days_late > 0), max(worst, days_late)
    change = {"person": event["person"], "event": id, "events": events, "amount": amount, "late": late, "worst": worst}
    return [events, amount, late, worst, [*seen[1 - SEEN_MAX :], id]], orjson.dumps(change)


def _is_text(value: object, most: int) -> bool:
    return type(value) is str and 0 < len(value) <= most


def _is_number(value: object, least: int, most: int) -> bool:
    return type(value) is int and least <= value <= most
