"""The events of a message that has several: the members of a list in it, each as if it had come alone (rules E21)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from services.ingest.core.tables import too_many
from services.ingest.core.tree import Refuse, object_
from shared.contracts.faults import Code

BESIDE_MAX = 100
"""Values of a message beside its list, however deep: each of its events is judged with all of them."""
BESIDE_CHARACTERS_MAX = 64 * 1024
"""In the texts among these values: what an event that comes alone has at most. A digest over a megabyte would be made
of it for each of a thousand events, and hold a shard for ten seconds and more."""
EVENTS_MAX = 1_000
"""Events of one message. A batch of messages is bounded by its bytes and, when it is worked on, by what comes of it."""


def members_of(path: tuple[str, ...], message: Any) -> Iterator[dict[str, Any] | Refuse]:
    """The members of the list at the path, each as the message would be if it stood there alone."""
    found, names = message, ".".join(path)
    if path and type(message) is list:
        sentence = f'The mapping says `list = "{names}"`: send an object with the list in it, not the list alone.'
        raise Refuse(Code.NOT_AN_OBJECT, "", sentence)
    for name in path:
        found = object_(found, "").get(name)
    if type(found) is not list:
        raise Refuse(Code.WRONG_TYPE if found is not None else Code.MISSING_FIELD, names, "Send a list of events here.")
    if len(found) > EVENTS_MAX:
        raise too_many(EVENTS_MAX, names)
    if _are_too_many(_beside(message, path)):
        sentence = (
            f"Beside its list a message has at most {BESIDE_MAX} values, with {BESIDE_CHARACTERS_MAX} characters in "
            "their texts; leave out what the format does not have."
        )
        raise Refuse(Code.OUT_OF_BOUNDS, names, sentence)
    for member in found:
        yield (
            _alone(message, path, member)
            if type(member) is dict
            else Refuse(Code.NOT_AN_OBJECT, names, "A JSON object is expected here.")
        )


def _are_too_many(values: Iterator[Any]) -> bool:
    characters = 0
    for number, value in enumerate(values, 1):
        characters += len(value) if type(value) is str else 0
        if number > BESIDE_MAX or characters > BESIDE_CHARACTERS_MAX:
            return True
    return False


def _beside(message: Any, path: tuple[str, ...]) -> Iterator[Any]:
    """All values of the message, however deep, but those in its list."""
    for name in path:
        for field, value in message.items():
            if field != name:
                yield from _values(value)
        message = message[name]


def _values(value: Any) -> Iterator[Any]:
    # strict_json has bounded the nesting.
    yield value
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _values(inner)


def _alone(message: Any, path: tuple[str, ...], member: dict[str, Any]) -> dict[str, Any]:
    if not path:
        return member
    return {**message, path[0]: _alone(message[path[0]], path[1:], member)}
