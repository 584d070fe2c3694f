"""What the doctor says of what was measured: a table of cases."""

from __future__ import annotations

from datetime import timedelta

import pytest

from goodstanding.doctor.findings import (
    DURABLE,
    FREE_SHARE_MIN,
    WAITING_MAX,
    Finding,
    Verdict,
    and_start,
    of_clocks,
    of_disk,
    of_durability,
    of_erasures,
    of_group,
    of_letters,
    of_migrations,
    of_outbox,
    of_rights,
    of_topics,
    of_words,
    ok,
    without,
    wrong,
)
from goodstanding.platform.acl_plan import Plan
from shared.contracts.rights import Right
from shared.kafka.topic_admin import Difference, TopicReport
from shared.trust import Witness

GIB = 2**30
MINUTE = timedelta(minutes=1)
FEWER = Difference("scores.changed", "partitions", "6", "3", "Delete it and create it again.")

RIGHT = Right("scorer", "topic", "scores.changed", "write")

CASES = [
    (
        of_words("scorer", "offsets", ["It is older.", "It is older too."]),
        Verdict.WRONG,
        "It is older. And 1 more like it.",
    ),
    (of_rights(Plan((), (), (RIGHT,), ())), Verdict.OK, "All 1 rights"),
    (of_rights(Plan((RIGHT,), (), (), ())), Verdict.WRONG, "1 are missing"),
    (of_rights(Plan((), (RIGHT,), (), ("one that denies",))), Verdict.WRONG, "1 are too much, 1 are of another kind."),
    (of_migrations("scorer", ["a", "b"], ["a", "b"]), Verdict.OK, "All 2 migrations"),
    (of_migrations("scorer", ["a", "b"], ["a"]), Verdict.WRONG, "Not applied yet: b."),
    (of_migrations("scorer", ["a", "b"], []), Verdict.WRONG, "Not applied yet: a, b."),
    (of_migrations("scorer", ["a"], ["a", "c"]), Verdict.WRONG, "does not know: c."),
    (of_durability("postgres", dict(DURABLE)), Verdict.OK, "on disk"),
    (of_durability("postgres", {**DURABLE, "fsync": "off"}), Verdict.WRONG, "fsync is off."),
    (
        of_durability("postgres", {**DURABLE, "synchronous_commit": "local"}),
        Verdict.WRONG,
        "synchronous_commit is local.",
    ),
    (of_clocks([Witness("Postgres", 0.4, 0.1)], 120), Verdict.OK, "Postgres +0.4 s"),
    (of_clocks([Witness("Postgres", -300, 0.1)], 120), Verdict.WRONG, "behind"),
    (of_group("ingest", 0, 0), Verdict.WRONG, "No process"),
    (of_group("ingest", 1, 7), Verdict.OK, "1 process in its group, and 7 records wait."),
    (of_group("scorer", 2, None), Verdict.OK, "2 processes in its group."),
    (of_group("scorer", 2, WAITING_MAX), Verdict.OK, "20,000 records wait."),
    (of_group("scorer", 2, WAITING_MAX + 1), Verdict.LOOK, "20,001 records wait."),
    (of_letters([]), Verdict.OK, "None waits"),
    (of_letters(["a/0/1 (x)"]), Verdict.LOOK, "1 wait: a/0/1 (x)."),
    (of_letters(["a", "b", "c", "d", "e"]), Verdict.LOOK, "5 wait: a, b, c, and 2 more."),
    (of_erasures([], 0), Verdict.OK, "None is under way."),
    (of_erasures([], 3), Verdict.OK, "3 under way, none overdue."),
    (of_erasures(["q-1", "q-2"], 3), Verdict.WRONG, "Not confirmed in time: q-1, q-2."),
    (of_disk("/data", 60 * GIB, 100 * GIB), Verdict.OK, "60.0 GiB of 100.0 GiB are free at /data."),
    (of_disk("/data", 0, 0), Verdict.WRONG, "0.0 GiB"),
    (of_outbox("scorer", 0, timedelta(0), MINUTE), Verdict.OK, "has been sent"),
    (of_outbox("scorer", 4, MINUTE, MINUTE), Verdict.OK, "4 batches are being sent."),
    (of_outbox("scorer", 4, 2 * MINUTE, MINUTE), Verdict.WRONG, "the oldest for 120 s."),
]


@pytest.mark.parametrize(("finding", "verdict", "part"), CASES, ids=[case[2] for case in CASES])
def test_what_is_measured_is_judged(finding: Finding, verdict: Verdict, part: str) -> None:
    assert finding.verdict is verdict
    assert part in finding.sentence
    assert bool(finding.remedy) == (verdict is not Verdict.OK), "what is to be done is said where something is"


def test_little_room_is_found_at_the_bound() -> None:
    total = 1_000 * GIB
    enough = int(total * FREE_SHARE_MIN)
    assert of_disk("/data", enough, total).verdict is Verdict.OK
    assert of_disk("/data", enough - 1, total).verdict is Verdict.WRONG


def test_each_topic_that_is_missing_or_differs_is_named() -> None:
    [fine] = of_topics(TopicReport((), ("a", "b"), ()))
    assert (fine.verdict, fine.sentence) == (Verdict.OK, "All 2 topics are as the table says.")
    missing, differing = of_topics(TopicReport((), ("a",), (FEWER,), ("c",)))
    assert (missing.verdict, missing.sentence) == (Verdict.WRONG, "Missing: c.")
    assert differing.sentence == "scores.changed: partitions is 3, not 6."
    assert differing.remedy == "Delete it and create it again."


def test_that_a_service_does_not_work_is_left_out_where_its_cause_was_told() -> None:
    process, group = wrong("scorer", "It is not ready.", "Start it."), of_group("scorer", 0, None)
    other, fine = wrong("retention", "It is not ready.", "Start it."), ok("service scorer", "1 process in its group.")
    assert list(without({"scorer"}, [process, group, other, fine])) == [other, fine]
    assert list(without(set(), [process, group])) == [process, group]


def test_what_waits_for_the_operator_names_the_command_and_the_start_of_what_does_not_run() -> None:
    found = of_words("scorer", "clock", ["It jumped."])
    assert found.remedy == "Decide: goodstanding clock check scorer"
    assert and_start(found).remedy == f"{found.remedy}; then start it: goodstanding local up"
