"""Whether the machine's clock may be trusted: each answer by a case."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from shared.trust import ClockDoubtError, TrustedTime, Witness, disagreement, jump_sentence, jumped

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("ahead_s", "unsure_s", "trusted"),
    [
        (0.0, 0.0, True),
        (119.0, 0.0, True),
        (-119.0, 0.0, True),
        (121.0, 0.0, False),
        (-121.0, 0.0, False),
        (125.0, 10.0, True),
        (-157_680_000.0, 0.1, False),
    ],
    ids=["equal", "close", "close behind", "ahead", "behind", "a slow answer is not sure", "five years"],
)
def test_what_servers_say(ahead_s: float, unsure_s: float, trusted: bool) -> None:
    said = disagreement([Witness("Kafka", 0, 0), Witness("Postgres", ahead_s, unsure_s)], 120)
    assert (said is None) == trusted
    assert said is None or "Postgres" in said
    assert said is None or "Kafka" not in said


def test_both_are_named_with_how_far_they_are() -> None:
    said = disagreement([Witness("Postgres", -3_600, 0), Witness("Kafka", 172_800, 0)], 120)
    assert said is not None
    assert "Postgres's clock is 1:00:00 behind it" in said
    assert "Kafka's clock is 2 days, 0:00:00 ahead of it" in said
    assert "NTP" in said


@pytest.mark.parametrize(
    ("days", "expected"), [(0, False), (30, False), (31, False), (32, True), (-31, False), (-32, True), (1_800, True)]
)
def test_a_jump_is_more_than_a_month(days: int, expected: bool) -> None:
    assert jumped(NOW - timedelta(days=days), NOW) is expected
    assert not jumped(None, NOW)
    assert "2026-11-29" in jump_sentence(NOW - timedelta(days=days), NOW)


class Hands:
    """A wall clock that can be set, and a steady one that cannot."""

    def __init__(self) -> None:
        self.wall, self.steady_s = NOW, 0.0

    def pass_s(self, seconds: float) -> None:
        self.wall, self.steady_s = self.wall + timedelta(seconds=seconds), self.steady_s + seconds


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def time(hands: Hands) -> TrustedTime:
    return TrustedTime(120, wall=lambda: hands.wall, steady_s=lambda: hands.steady_s)


def test_nothing_is_known_before_the_first_comparison(time: TrustedTime) -> None:
    with pytest.raises(ClockDoubtError):
        time.now()


def test_time_that_passes_is_trusted(time: TrustedTime, hands: Hands) -> None:
    time.agreed()
    hands.pass_s(86_400)
    assert time.now() == NOW + timedelta(days=1)


def test_what_the_brokers_clock_shows_does_not_follow_the_machines(time: TrustedTime, hands: Hands) -> None:
    """An event waits until a time of the broker's, which a machine that is ahead of it has reached already."""
    assert time.broker_shows() == NOW, "the machine's, before the broker has told its own"
    time.heard(Witness("Kafka", -30.0, 0.5))
    assert time.broker_shows() == NOW - timedelta(seconds=30.5)
    hands.pass_s(20)
    hands.wall += timedelta(seconds=60)
    assert time.broker_shows() == NOW - timedelta(seconds=10.5)


@pytest.mark.parametrize(
    ("moved_s", "said"),
    [(121.0, "forward by 0:02:01"), (-121.0, "back by 0:02:01"), (157_680_000.0, "forward by 1825 days, 0:00:00")],
)
def test_a_clock_that_is_moved_is_noticed_at_the_next_question(
    time: TrustedTime, hands: Hands, moved_s: float, said: str
) -> None:
    """Not at the next comparison: one step by a wrong clock would close months for good."""
    time.agreed()
    hands.wall += timedelta(seconds=moved_s)
    with pytest.raises(ClockDoubtError, match=f"moved {said} while"):
        time.now()
    hands.wall -= timedelta(seconds=moved_s)
    with pytest.raises(ClockDoubtError):
        time.now()
    time.agreed()
    assert time.now() == NOW


@pytest.mark.parametrize(
    ("stamped", "expected"),
    [
        (NOW - timedelta(days=40), NOW - timedelta(days=40)),
        (NOW, NOW),
        (NOW + timedelta(seconds=119), NOW + timedelta(seconds=119)),
        (NOW + timedelta(seconds=121), NOW),
        (NOW + timedelta(days=1_800), NOW),
    ],
    ids=["long ago", "now", "as far as clocks differ", "further", "years ahead"],
)
def test_nothing_that_is_here_came_later_than_now(time: TrustedTime, stamped: datetime, expected: datetime) -> None:
    """A broker whose clock was years ahead has stamped it so, for as long as it is kept."""
    assert time.at_most_now(stamped) == stamped, "nothing is known yet"
    time.agreed()
    assert time.at_most_now(stamped) == expected


def test_what_was_stamped_by_a_wrong_clock_comes_when_the_clock_is_right(time: TrustedTime, hands: Hands) -> None:
    """The machine shares the broker's clock: both were set ahead, and are set back."""
    hands.wall += timedelta(days=1_800)
    time.agreed()
    stamped = hands.wall
    assert time.at_most_now(stamped) == stamped
    hands.wall = NOW
    time.agreed()
    hands.pass_s(600)
    assert time.at_most_now(stamped) == NOW + timedelta(seconds=600)
    later = NOW + timedelta(seconds=630)
    assert time.at_most_now(later) == later
    hands.wall += timedelta(days=1)
    assert time.at_most_now(stamped) == stamped, "which of the clocks is right is not known"


def test_a_small_correction_is_none(time: TrustedTime, hands: Hands) -> None:
    time.agreed()
    hands.wall += timedelta(seconds=119)
    assert time.now() == hands.wall


def test_what_was_doubted_is_told(time: TrustedTime) -> None:
    time.agreed()
    time.doubted("Postgres says otherwise.")
    with pytest.raises(ClockDoubtError, match="Postgres says otherwise"):
        time.now()
