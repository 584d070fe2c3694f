"""What keeps a partition from being read on, in words."""

from __future__ import annotations

import pytest
from aiokafka import TopicPartition

from shared.kafka.between import standstill

PLACE = TopicPartition("behavior.rejected.bank", 3)
DAMAGED = "behavior.rejected.bank/3 cannot be read from offset 7 on: Kafka finds its own file damaged there"


@pytest.mark.parametrize(
    ("stable", "troubles", "sentence", "advice"),
    [
        (
            7,
            [],
            "A transaction that somebody has left open hides",
            "abort --topic behavior.rejected.bank --partition 3 ",
        ),
        (6, [], "A transaction that somebody has left open hides", "--start-offset 6"),
        (9, [], "Kafka gives out nothing of behavior.rejected.bank/3 from offset 7 on.", "local status"),
        (None, [], "Kafka gives out nothing of behavior.rejected.bank/3 from offset 7 on.", "local status"),
        (-1, [], "Kafka gives out nothing of behavior.rejected.bank/3 from offset 7 on.", "local status"),
        (7, [DAMAGED], f"{DAMAGED}.", "goodstanding doctor"),
    ],
)
def test_the_reason_is_what_the_broker_has_said_last(
    stable: int | None, troubles: list[str], sentence: str, advice: str
) -> None:
    error = standstill(PLACE, 7, stable, troubles)
    assert error.sentence.startswith(sentence)
    assert advice in error.advice
