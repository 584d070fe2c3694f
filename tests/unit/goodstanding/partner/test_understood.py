"""What was understood of a partner's events, and what is strange about all of them together."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest

from goodstanding import policies
from goodstanding.partner.mapping_files import mapping_of
from goodstanding.partner.rehearsal import Forwarded, Rehearsal
from goodstanding.partner.samples import Setting, samples
from goodstanding.partner.understood import Understood, rules_by_kind, understood, warnings
from goodstanding.partner.verdicts import Line
from goodstanding.platform.fixed_settings import FixedSettings
from shared.contracts.kinds import KIND_OF, Shape

SETTINGS = FixedSettings.new()
ZONE = ZoneInfo(SETTINGS.zone)
NOW = datetime.now(UTC).replace(microsecond=0)
CARD = policies.in_force_on(NOW.date())


def of_samples(partner: str, count: int) -> list[Understood]:
    setting = Setting(SETTINGS.currency, ZONE, NOW, people=5)
    events = islice(samples(partner, mapping_of(partner), setting), count)
    lines = [Line(number, event.value, event.key) for number, event in enumerate(events, 1)]
    judged = Rehearsal(partner, SETTINGS, NOW).read(lines)
    return understood([each for each in judged if isinstance(each, Forwarded)], CARD, ZONE)


def test_an_event_is_shown_as_the_platform_has_it() -> None:
    bill = of_samples("utility", 1)[0]
    assert bill.kind == "water.bill"
    assert bill.month == f"{bill.time.astimezone(ZONE):%Y-%m}"
    assert bill.amount is not None
    assert bill.days_late is not None
    assert bill.status is None
    assert len(bill.person) == 64
    assert set(bill.rules) <= {rule.code for rule in CARD.rules}
    assert bill.as_json()["rules"] == list(bill.rules)
    assert "status" not in bill.as_json()


def test_a_record_feeds_what_records_cost() -> None:
    assert CARD.records is not None
    report = next(each for each in of_samples("court-feed", 3) if each.status == "reported")
    assert report.rules == (CARD.records.code,)
    assert report.days_late is None


def test_every_kind_of_the_scorecard_is_one_that_there_is() -> None:
    found = rules_by_kind(CARD)
    assert found.keys() <= KIND_OF.keys()
    assert {KIND_OF[kind].shape for kind in found} >= {Shape.OBLIGATION, Shape.RECORD, Shape.FACT, Shape.FIGURE}


def event(number: int, **changes: object) -> Understood:
    made = Understood(
        line=number,
        kind="water.bill",
        person=f"{number % 3:064x}",
        time=datetime(2026, 3, 2, 8, 30, 11, tzinfo=UTC) + timedelta(hours=number),
        month="2026-03",
        amount=1_234 + number,
        days_late=number % 4,
        count=None,
        status=None,
        rules=("utilities-on-time",),
    )
    return replace(made, **changes)  # type: ignore[arg-type]  # fields as a case names them


BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, []),
        ({"days_late": 0}, ["None of the 8 obligations was late"]),
        ({"time": datetime(2026, 3, 2, tzinfo=BERLIN)}, ["midnight (Europe/Berlin)"]),
        ({"time": datetime(2026, 3, 2, tzinfo=UTC)}, ["midnight (UTC)"]),
        ({"amount": 1_200}, ["No amount has a fraction"]),
        ({"person": "0" * 64}, ["one person"]),
        ({"rules": ()}, ["No rule of the scorecard looks at: water.bill"]),
    ],
)
def test_what_all_events_have_in_common_is_told(changes: dict[str, object], said: list[str]) -> None:
    found = list(warnings([event(number, **changes) for number in range(8)], BERLIN))
    assert [sentence for sentence, part in zip(found, said, strict=True) if part not in sentence] == []


@pytest.mark.parametrize(
    ("people", "said"),
    [
        ([0, 1] * 20, "40 of 40 events are about 2 people."),
        ([0, 1] * 20 + [2, 3], "41 of 42 events are about 3 people."),
        ([0, 1] * 8, ""),
        (list(range(20)) * 2, ""),
        ([0, 1, 2] * 10 + list(range(3, 7)), ""),
    ],
)
def test_a_handful_of_people_with_nearly_all_events_is_told(people: list[int], said: str) -> None:
    some = [event(number, person=f"{person:064x}") for number, person in enumerate(people)]
    found = [sentence for sentence in warnings(some, BERLIN) if "subject" in sentence]
    assert [sentence.split(" Does")[0] for sentence in found] == ([said] if said else [])


def test_amounts_of_which_some_are_a_hundredfold_of_others() -> None:
    some = [event(number, amount=(1_000 + number % 4) * (100 if number > 3 else 1)) for number in range(8)]
    assert [sentence for sentence in warnings(some, BERLIN) if "hundredfold" in sentence]


def test_of_a_few_events_nothing_is_strange() -> None:
    assert list(warnings([event(0, days_late=0)] * 4, BERLIN)) == []
