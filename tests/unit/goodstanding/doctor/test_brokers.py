"""What the doctor says of the brokers' settings, and that the guide has the same table."""

from __future__ import annotations

from pathlib import Path

import pytest

from goodstanding.doctor.brokers import needs, of_brokers
from goodstanding.doctor.findings import Verdict

GUIDE = Path(__file__).resolve().parents[4] / "docs" / "security.md"
WANTED = needs(3)
RIGHT = {need.setting: need.value for need in WANTED}


@pytest.mark.parametrize(
    ("setting", "found", "verdict", "sentence"),
    [
        ("unclean.leader.election.enable", "true", Verdict.WRONG, "is true, not false (broker 2)."),
        ("log.cleaner.enable", "false", Verdict.WRONG, "is false, not true (broker 2)."),
        ("transaction.max.timeout.ms", "900000", Verdict.OK, ""),
        ("transaction.max.timeout.ms", "14999", Verdict.WRONG, "is 14999, not at least 15000 (broker 2)."),
        ("group.min.session.timeout.ms", "6000", Verdict.OK, ""),
        ("group.min.session.timeout.ms", "10001", Verdict.WRONG, "is 10001, not at most 10000 (broker 2)."),
        ("group.max.session.timeout.ms", "9999", Verdict.WRONG, "is 9999, not at least 10000 (broker 2)."),
        ("offsets.topic.replication.factor", "5", Verdict.OK, ""),
        ("offsets.topic.replication.factor", "2", Verdict.WRONG, "is 2, not at least 3 (broker 2)."),
        ("transaction.state.log.replication.factor", "1", Verdict.WRONG, "is 1, not at least 3 (broker 2)."),
        ("transaction.state.log.min.isr", "1", Verdict.WRONG, "is 1, not at least 2 (broker 2)."),
        ("auto.create.topics.enable", "true", Verdict.LOOK, "(broker 2). Whoever runs them may decide that."),
    ],
)
def test_a_setting_is_judged_by_its_bound(setting: str, found: str, verdict: Verdict, sentence: str) -> None:
    [finding] = of_brokers({1: RIGHT, 2: {**RIGHT, setting: found}}, WANTED)
    assert finding.verdict is verdict
    assert finding.sentence.endswith(sentence)
    assert bool(finding.remedy) == (verdict is not Verdict.OK)


def test_brokers_that_differ_alike_are_told_together() -> None:
    lossy = {**RIGHT, "unclean.leader.election.enable": "true"}
    [finding] = of_brokers({3: lossy, 1: lossy, 2: RIGHT}, WANTED)
    assert finding.sentence == "unclean.leader.election.enable is true, not false (broker 1, 3)."


def test_what_a_broker_does_not_tell_is_said_and_is_no_fault() -> None:
    silent = {name: value for name, value in RIGHT.items() if name != "log.cleaner.enable"}
    [finding] = of_brokers({1: RIGHT, 2: silent}, WANTED)
    assert (finding.verdict, finding.sentence) == (Verdict.LOOK, "Not told by every broker: log.cleaner.enable.")
    lossy, untold = of_brokers({1: {"unclean.leader.election.enable": "true"}}, WANTED)
    assert (lossy.verdict, untold.verdict) == (Verdict.WRONG, Verdict.LOOK)
    assert "unclean" not in untold.sentence
    assert "auto.create" not in untold.sentence, "nobody needs to ask for what may be either way"


def test_what_is_not_told_is_not_among_those_that_are_as_they_should_be() -> None:
    silent = {name: value for name, value in RIGHT.items() if name != "auto.create.topics.enable"}
    [finding] = of_brokers({1: RIGHT, 2: silent}, WANTED)
    assert (finding.verdict, finding.sentence[:15]) == (Verdict.OK, f"All {len(WANTED) - 1} settings ")


def test_with_one_copy_kafkas_own_topics_may_have_one() -> None:
    alone = {name: "1" if "replication" in name or "isr" in name else value for name, value in RIGHT.items()}
    assert [each.verdict for each in of_brokers({1: alone}, needs(1))] == [Verdict.OK]


def test_the_guide_has_the_same_table() -> None:
    rows = [
        f"| `{need.setting}` | {need.expected} | {'must hold' if need.must_hold else 'better'} | {need.otherwise} |"
        for need in WANTED
    ]
    assert "\n".join(rows) in GUIDE.read_text(encoding="utf-8"), "\n".join(rows)
