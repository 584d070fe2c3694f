"""Which messages of a file no topic takes, and what is said of them, as they would end the sending of all others; what
whoever sends is told when Kafka goes away."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    KafkaConnectionError,
    KafkaTimeoutError,
    TopicAuthorizationFailedError,
)

from goodstanding.errors import UserError
from goodstanding.partner.rehearsal import validate
from goodstanding.partner.sending import _sent_in_any_case, _sent_in_part, sendable
from goodstanding.partner.verdicts import Line
from goodstanding.platform.fixed_settings import FixedSettings
from shared.partner_files import partner_names
from shared.settings import ROOT

NOW = datetime(2024, 3, 20, 12, tzinfo=UTC)
EXAMPLES = ROOT / "docs" / "examples" / "partners"
"""Some of them have many events in a message, of which ingest takes larger ones."""


@pytest.mark.parametrize("partner", partner_names(EXAMPLES))
def test_it_is_what_is_said_without_a_server(partner: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOODSTANDING_PARTNERS", str(EXAMPLES))
    small, large = Line(1, b"x" * 1_110_000, None), Line(2, b"x" * 1_115_000, None)
    taken, refused = sendable(partner, [small, large])
    assert list(taken) == [small]
    assert list(refused) == validate(partner, [large], FixedSettings.new(), NOW)


AWAY = [KafkaConnectionError("secret"), KafkaTimeoutError(), ConnectionResetError("secret"), TimeoutError()]


@pytest.mark.parametrize("error", AWAY, ids=lambda error: type(error).__name__)
def test_while_events_are_sent_some_may_be_in_kafka_and_all_can_be_sent_again(error: Exception) -> None:
    with pytest.raises(UserError) as told, _sent_in_part():
        raise error
    assert told.value.sentence == (
        "Not all events could be sent: Kafka does not answer any more. Some of them may be in Kafka, and are judged "
        "there."
    )
    assert "send the file again: none counts twice" in told.value.advice


@pytest.mark.parametrize("error", AWAY, ids=lambda error: type(error).__name__)
def test_while_they_are_judged_all_are_in_kafka_and_none_is_sent_again(error: Exception) -> None:
    with pytest.raises(UserError) as told, _sent_in_any_case(3, "bank"):
        raise error
    assert told.value.sentence.startswith("All 3 events are in Kafka, which does not answer any more")
    assert "do not send them again" in told.value.advice
    assert "goodstanding tail rejected bank" in told.value.advice


def test_who_may_not_write_has_sent_nothing() -> None:
    with pytest.raises(TopicAuthorizationFailedError), _sent_in_part():
        raise TopicAuthorizationFailedError


@pytest.mark.parametrize("error", [GroupAuthorizationFailedError, TopicAuthorizationFailedError])
def test_who_may_not_read_what_became_of_them_is_not_told_that_kafka_is_away(error: type[Exception]) -> None:
    with pytest.raises(UserError) as told, _sent_in_any_case(3, "bank"):
        raise error
    assert told.value.sentence == "All 3 events are in Kafka, which does not let this user read what became of them."
    assert told.value.advice.startswith("Do not send them again.")
