"""What is kept of one person, and for how much there is room; the names by which records are found are in `test_record`
and `test_disputes`."""

from __future__ import annotations

from datetime import UTC, date, datetime

from msgspec.structs import replace

from services.retention.core.bounds import GONE_MAX
from services.retention.core.decide import Person, Policy, decide
from services.retention.core.effects import Changed, Refused, Removed
from services.retention.core.fingerprint import provider
from services.retention.core.messages import Message, Report
from shared.contracts.messages import RecordReport
from tests.support.record_lives import CARD, CN, KEY, NO_SHOW, NOON, USER, Life


def test_no_more_fingerprints_of_a_partners_records_are_left_than_the_bound_and_others_have_theirs() -> None:
    """(rules R14) Whoever reports and deletes in a loop shields the person from no other partner."""
    life = Life()
    names = [number.to_bytes(16, "big") for number in range(GONE_MAX - 1)]
    until, of = datetime(2027, 1, 1, tzinfo=UTC), provider(KEY, USER, "bank")
    life.person = Person({}, dict.fromkeys(names, until), left_by=dict.fromkeys(names, of))
    assert life.report(began=date(2020, 3, 1)) == ["reported: open v1"]
    life.report("settled", ended=date(2020, 6, 1))
    assert life.later(hours=1) == ["expired v3"]
    assert (len(life.person.records), len(life.person.gone)) == (0, GONE_MAX)
    assert life.report(report_id="r-2") == ["refused too-many report_id"]
    assert life.report(report_id="r-2", partner="court") == ["reported: open v1"]
    # What was left before it was known by whom is in nobody's way.
    life.person = replace(life.person, left_by={})
    assert life.report(report_id="r-2") == ["reported: open v1"]


def test_what_one_step_leaves_is_counted_in_the_step() -> None:
    """Beside as much of another partner. Each deletion leaves the record's name, and that of its own event."""
    names = [number.to_bytes(16, "big") for number in range(GONE_MAX)]
    others = dict.fromkeys(names, provider(KEY, USER, "court"))
    person = Person({}, dict.fromkeys(names, datetime(2027, 1, 1, tzinfo=UTC)), left_by=others)
    messages: list[Message] = []
    for number in range(GONE_MAX // 2 + 1):
        told = RecordReport(kind=NO_SHOW, report_id=f"r-{number}", status="reported", began_on=date(2025, 3, 1))
        back = RecordReport(kind=NO_SHOW, report_id=f"r-{number}", status="resolved", outcome="deleted")
        messages += [Report(USER, "bank", f"{each.status}-{number}", "raw/0/1", each, NOON) for each in (told, back)]
    decided = decide(person, messages, NOON, Policy(profile=CN, fingerprint_key=KEY))
    effects = [effect for _, effect in decided.effects]
    assert [type(each) for each in effects] == [Changed, Removed] * (GONE_MAX // 2) + [Refused] * 2
    # The bound is not one of records, of which it takes half as many here.
    refused = effects[-1]
    assert isinstance(refused, Refused)
    assert not any(character.isdigit() for character in refused.fault.sentence)


def test_what_is_remembered_of_a_deletion_is_not_remembered_for_a_shorter_time_by_another_one() -> None:
    """(rules R20) A record that came back with an earlier beginning, and is deleted again, is known as long."""
    life = Life()
    life.report(kind=CARD)
    life.resolve("deleted", kind=CARD)
    before = dict(life.person.gone)
    assert life.report(kind=CARD, began=date(2015, 3, 1), certificate="c-1") == ["returned: open v1"]
    life.resolve("deleted", kind=CARD)
    assert all(life.person.gone[name] >= until for name, until in before.items())
