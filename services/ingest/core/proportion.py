"""Whether the events of one message are answered one by one, or the message as a whole, because refusals of each would
be out of all proportion to the bytes in which it came (rules E21, decision 0048)."""

from __future__ import annotations

from collections.abc import Sequence

from services.ingest.core.judged import Judged, Refused
from shared.contracts.faults import Code, Fault
from shared.contracts.fields import SENTENCE_CHARACTERS_MAX

TIMES_MAX = 50
"""The refusals of a message's events may have so many times the bytes in which it came. A refusal has 300 bytes or so,
and an event that came in eight bytes or more, as nearly all do however they are packed, always has its own."""
REFUSAL_BYTES = 230
"""Of a refusal on its topic, beside the field, the sentence and the id in it."""
PACKED_BYTES_MIN = 16
"""A message counts with at least so many bytes, so that two events always have an answer each."""


def too_dense(count: int, packed: int) -> Fault | None:
    """The fault of a message with more events than bytes in which it came. An honest one has more bytes, and each event
    costs something before anybody knows whether it is refused."""
    if count <= max(packed, PACKED_BYTES_MIN):
        return None
    sentence = (
        f"The message came in {packed} bytes and has {count} events in them, more than one for each byte; none of them "
        "is taken. Send them again with less compression."
    )
    return Fault(Code.TOO_DENSE, "", sentence)


def out_of_proportion(found: Sequence[Judged], packed: int) -> Fault | None:
    """The fault of a message whose refusals would be too large; it says what is wrong with the first of its events."""
    refused = [(index, each) for index, each in enumerate(found) if isinstance(each, Refused)]
    budget = TIMES_MAX * max(packed, PACKED_BYTES_MIN)
    if len(refused) < 2 or sum(_bytes(each) for _, each in refused) <= budget:
        return None
    index, first = refused[0]
    sentence = (
        f"None of this message's {len(found)} events is taken: {len(refused)} of them would be refused, and the "
        f"{packed} bytes in which it came are too few for an answer to each. Mend them, and send all of them again. "
        f"Event {index}, counted from 0: {first.fault.sentence}"
    )
    return Fault(Code.TOO_DENSE, first.fault.field, sentence[:SENTENCE_CHARACTERS_MAX])


def _bytes(refused: Refused) -> int:
    fault = refused.fault
    return REFUSAL_BYTES + sum(len(text.encode()) for text in (fault.field, fault.sentence, refused.event_id or ""))
