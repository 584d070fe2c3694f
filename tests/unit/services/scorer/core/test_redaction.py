"""What is left of a person's publications once a record has ended."""

from __future__ import annotations

from services.scorer.core.item import Item
from services.scorer.core.redaction import redacted
from services.scorer.core.score import Evaluation, decode, encode

RUN = 24_300


def published(behavior: int, records: int = 0) -> bytes:
    """A score of behavior and of records, of which there are none where they take no points."""
    rests_on: dict[str, int | str] = {"life_settled": 1} if records else {}
    items = (
        Item("base", 350, 350, {}),
        Item("payments", behavior, 100, {}),
        Item("records", records, 0, rests_on),
    )
    factors = ("records", "payments") if records else ("payments",)
    return encode(Evaluation(sum(item.points for item in items), False, (), factors, items))


def test_what_rested_on_a_record_is_written_again_without_it() -> None:
    left = redacted([(1, RUN, published(90, -40)), (2, RUN + 1, published(95))], 2)
    [(version, evaluation)] = left.rewritten
    assert version == 1
    assert decode(evaluation).score == 440
    assert left.dropped == ()


def test_a_publication_that_then_says_nothing_new_is_dropped() -> None:
    history = [(1, RUN, published(90)), (2, RUN, published(90, -40)), (3, RUN, published(90))]
    left = redacted(history, 3)
    assert left.rewritten == ()
    assert left.dropped == (2,)


def test_the_present_version_is_left_as_it_is() -> None:
    assert redacted([(7, RUN, published(90, -40))], 7).rewritten == ()


def test_what_says_something_new_in_another_run_stays() -> None:
    assert (
        redacted([(1, RUN, published(90)), (2, RUN + 1, published(90)), (3, RUN + 2, published(80))], 3).dropped == ()
    )
