"""What contradicts what was written down beside the offsets: every outcome by a case, and the comparison's laws."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.runner.one_story.agreement import Noted, Seen, TopicNow, compare, deleted_unread, sentence, token
from shared.runner.one_story.contradictions import (
    BeyondEnd,
    Contradiction,
    OtherCluster,
    OtherOwner,
    OtherTopic,
    Rewritten,
    SentBeyondEnd,
    Undecided,
    remedy,
)

NOTED = Noted(
    cluster="K1",
    owner="D1",
    topic_ids={"in": "A", "out": "B"},
    offsets={"in": 10},
    newest={"in": 1_000},
    sent={"out": 5},
)
SEEN = Seen(cluster="K1", topics={"in": TopicNow("A", 0, 12), "out": TopicNow("B", 0, 5)}, owner="D1")


def seen(**topics: TopicNow) -> Seen:
    return replace(SEEN, topics={**SEEN.topics, **{name.rstrip("_"): now for name, now in topics.items()}})


CASES: list[tuple[str, Noted, Seen, tuple[Contradiction, ...]]] = [
    ("one story", NOTED, SEEN, ()),
    ("nothing was noted yet", Noted(owner="D1"), SEEN, ()),
    ("all is handled", replace(NOTED, offsets={"in": 12}), SEEN, ()),
    ("another cluster", NOTED, replace(SEEN, cluster="K2"), (OtherCluster("K1", "K2"),)),
    ("another cluster says all", NOTED, Seen("K2", {"in": TopicNow("Z", 0, 0)}), (OtherCluster("K1", "K2"),)),
    ("another deployment", NOTED, replace(SEEN, owner="D2"), (OtherOwner("D1", "D2"),)),
    ("nobody has signed yet", NOTED, replace(SEEN, owner=""), ()),
    ("an empty topic of another id", NOTED, seen(in_=TopicNow("Z", 0, 0)), (OtherTopic("in", "A", "Z"),)),
    ("a longer topic of another id", NOTED, seen(in_=TopicNow("Z", 0, 99)), (OtherTopic("in", "A", "Z"),)),
    ("the own topic of another id", NOTED, seen(out=TopicNow("Z", 0, 9)), (OtherTopic("out", "B", "Z", True),)),
    ("a new partner's topic", NOTED, seen(new=TopicNow("N", 0, 3)), ()),
    ("a topic that is gone", NOTED, replace(SEEN, topics={"out": TopicNow("B", 0, 5)}), ()),
    ("the end before the offset", NOTED, seen(in_=TopicNow("A", 0, 9)), (BeyondEnd("in", 10, 9),)),
    ("newer ones below the offset", NOTED, seen(in_=TopicNow("A", 0, 50, 8)), (Rewritten("in", 10, 8),)),
    ("newer ones from the offset on", NOTED, seen(in_=TopicNow("A", 0, 50, 10)), ()),
    ("less than was sent", NOTED, seen(out=TopicNow("B", 0, 4)), (SentBeyondEnd("out", 5, 4),)),
    ("more than was sent", NOTED, seen(out=TopicNow("B", 0, 8)), ()),
    ("deleted before it was read", NOTED, seen(in_=TopicNow("A", 11, 12)), ()),
    (
        "both sides older",
        NOTED,
        seen(in_=TopicNow("A", 0, 9), out=TopicNow("B", 0, 4)),
        (BeyondEnd("in", 10, 9), SentBeyondEnd("out", 5, 4)),
    ),
]


@pytest.mark.parametrize(("noted", "now", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_each_outcome(noted: Noted, now: Seen, expected: tuple[Contradiction, ...]) -> None:
    assert compare(noted, now, "out") == expected


@pytest.mark.parametrize(
    ("now", "lost"),
    [
        (TopicNow("A", 0, 12), {}),
        (TopicNow("A", 10, 12), {}),
        (TopicNow("A", 12, 12), {"in": 2}),
        (TopicNow("Z", 12, 12), {}),
    ],
    ids=["all there", "just there", "two deleted", "another topic, where the offset means nothing"],
)
def test_what_retention_deleted_before_it_was_read(now: TopicNow, lost: dict[str, int]) -> None:
    assert deleted_unread(NOTED, seen(in_=now)) == lost


EVERY: tuple[Contradiction, ...] = (
    OtherCluster("K1", "K2"),
    OtherOwner("D1", "D2"),
    OtherTopic("in", "A", "Z"),
    OtherTopic("out", "B", "Z", is_output=True),
    BeyondEnd("in", 10, 9),
    Rewritten("in", 10, 8),
    SentBeyondEnd("out", 5, 4),
    Undecided("out", 5, 3),
)


@pytest.mark.parametrize(
    ("foreign", "older", "certainly"), [(0, True, False), (1, True, True), (3, False, True)], ids=["none", "one", "all"]
)
def test_what_nobody_decided_may_be_somebody_elses(foreign: int, older: bool, certainly: bool) -> None:
    said = Undecided("out", 5, 3, foreign).says()
    assert "holds 3 messages behind offset 5 that this database never decided" in said
    assert "holds 1 message behind" in Undecided("out", 5, 1, foreign).says()
    assert "somebody else has written there" in said
    assert ("Postgres is older than Kafka" in said) == older
    assert ("not one of this service's" in said) == certainly


@pytest.mark.parametrize("each", EVERY, ids=lambda each: type(each).__name__)
def test_a_sentence_tells_what_is_seen_what_it_means_and_what_resolves_it(each: Contradiction) -> None:
    told = sentence("scorer", [each])
    assert each.says() in told
    assert told.endswith("goodstanding offsets accept scorer")
    assert remedy(each)[0].islower(), "it goes on from 'I shall'"


@pytest.mark.parametrize("each", EVERY, ids=lambda each: type(each).__name__)
def test_a_word_is_for_one_service_and_one_contradiction(each: Contradiction) -> None:
    others = {token("scorer", 3, other) for other in EVERY if other != each and type(other) is not Rewritten}
    mine = token("scorer", 3, each)
    assert type(each) is Rewritten or mine not in others
    assert mine != token("benefits", 3, each)


def test_what_holds_of_the_whole_service_is_decided_once() -> None:
    assert token("scorer", 0, EVERY[0]) == token("scorer", 5, EVERY[0])
    assert token("scorer", 0, EVERY[2]) == token("scorer", 5, EVERY[2])
    assert token("scorer", 0, EVERY[4]) != token("scorer", 5, EVERY[4])


def test_the_word_stays_good_while_the_topic_grows() -> None:
    assert token("scorer", 0, BeyondEnd("in", 10, 3)) == token("scorer", 0, BeyondEnd("in", 10, 9))
    assert token("scorer", 0, BeyondEnd("in", 10, 3)) == token("scorer", 0, Rewritten("in", 10, 4))
    assert token("scorer", 0, BeyondEnd("in", 10, 3)) != token("scorer", 0, BeyondEnd("in", 11, 3))


_LOG = st.lists(st.integers(0, 50), max_size=40).map(sorted)
"""A partition as the append times of its records."""


@given(log=_LOG, handled=st.integers(0, 40), more=_LOG)
def test_a_log_that_only_grows_contradicts_nothing(log: list[int], handled: int, more: list[int]) -> None:
    """Whatever was handled of it, and however many records come behind, later ones with a later time or the same."""
    handled = min(handled, len(log))
    latest = log[-1] if log else 0
    grown = [*log, *(latest + each for each in more)]
    assert compare(_handled(log[:handled]), _as_seen(grown, log[:handled])) == ()


@given(
    log=_LOG.filter(lambda log: len(log) > 1), kept=st.integers(0, 38), more=st.lists(st.integers(1, 9), max_size=60)
)
def test_an_older_copy_never_goes_unnoticed(log: list[int], kept: int, more: list[int]) -> None:
    """All was handled; then the log is what it was before, and takes records of a later time, however many."""
    kept = min(kept, len(log) - 1)
    now = [*log[:kept], *(log[-1] + each for each in sorted(more))]
    found = compare(_handled(log), _as_seen(now, log))
    assert len(found) == 1
    assert isinstance(found[0], BeyondEnd | Rewritten)


def _handled(part: list[int]) -> Noted:
    return Noted("K", "D", {"in": "A"}, {"in": len(part)}, {"in": max(part)} if part else {})


def _as_seen(log: list[int], handled: list[int]) -> Seen:
    newer = [place for place, at in enumerate(log) if handled and at > max(handled)]
    return Seen("K", {"in": TopicNow("A", 0, len(log), newer[0] if newer else None)}, "D")
