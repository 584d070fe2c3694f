"""What others may know of a person: nothing of a record that is withheld (rules R27)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from goodstanding.portal.people import Known
from goodstanding.portal.person_documents import for_others, records
from tests.support.portal_views import view


@pytest.fixture
def known() -> Known:
    """Somebody with a score, a tier and one record that is being checked."""
    return view("disputed", "en").known


def _withholding(known: Known) -> Known:
    return replace(known, records=tuple(replace(each, withheld=True) for each in known.records))


def test_a_record_that_is_not_withheld_is_shown_with_its_state(known: Known) -> None:
    shown = for_others(known)
    assert shown is not None
    assert [each.status for each in records(shown).records] == ["disputed"]


@pytest.mark.parametrize(("ended_on", "state"), [(None, "open"), (date(2025, 3, 1), "settled")])
def test_what_ends_at_once_is_settled_as_on_the_persons_own_page(
    known: Known, ended_on: date | None, state: str
) -> None:
    """(rules R5)"""
    known = replace(known, records=tuple(replace(each, status="open", ended_on=ended_on) for each in known.records))
    assert [each.status for each in records(known).records] == [state]


def test_a_record_that_is_withheld_is_shown_to_its_person_alone(known: Known) -> None:
    known = _withholding(known)
    shown = for_others(known)
    assert shown is not None
    assert records(shown).records == ()
    assert len(records(known).records) == 1
    assert (shown.tier, shown.scores) == (known.tier, known.scores)


def test_what_was_said_against_a_record_is_shown_to_its_person_alone(known: Known) -> None:
    [mine] = records(known).records
    assert [(each.reason, each.text) for each in mine.said_against] == [
        ("not-mine", None),
        ("paid", "The hotel took my deposit."),
        ("other", "The room was never booked in my name."),
    ]
    shown = for_others(known)
    assert shown is not None
    [theirs] = records(shown).records
    assert theirs.said_against == ()
    assert theirs.statement == mine.statement


@pytest.mark.parametrize(("statement", "told"), [("It was stolen.", False), (None, True)])
def test_nobody_else_is_told_that_what_is_for_the_person_alone_is_left_out(
    known: Known, statement: str | None, told: bool
) -> None:
    """What was said against records is left out first. If statements are there, nothing else is missing."""
    held = tuple(replace(each, statement=statement, said_against=()) for each in known.records)
    known = replace(known, records=held, is_shortened=True)
    shown = for_others(known)
    assert shown is not None
    assert records(known).is_shortened
    assert records(shown).is_shortened is told


def test_of_whom_nothing_else_is_held_nothing_is_known(known: Known) -> None:
    """Else a subscriber would learn that there is something."""
    alone = replace(known, tier=None, scores=())
    assert for_others(alone) is not None
    assert for_others(_withholding(alone)) is None
    assert for_others(replace(alone, records=())) is None
