"""What can never be sent, as far as no broker has to be asked."""

from __future__ import annotations

from typing import Any, cast

import pytest

from shared.contracts.topics import NORMALIZED, message_bytes_max, rejected_topic
from shared.kafka.sendable import Topics, is_too_large, size
from shared.runner.service import Outgoing

NOBODY = cast(Any, None)
"""A producer that must not be asked."""


@pytest.mark.parametrize("topic", [NORMALIZED, rejected_topic("bank")])
def test_a_message_is_too_large_from_its_topics_limit_on(topic: str) -> None:
    limit = message_bytes_max(topic)
    assert limit is not None
    headers = (("ce_id", b"i" * 100), ("\u00e4", b""))
    beside = size(Outgoing(topic, b"key", b"", headers, 0))
    assert not is_too_large(Outgoing(topic, b"key", bytes(limit - beside), headers, 0))
    assert is_too_large(Outgoing(topic, b"key", bytes(limit - beside + 1), headers, 0))


def test_a_headers_name_counts_with_its_bytes() -> None:
    plain, longer = (Outgoing(NORMALIZED, None, b"", ((name, b""),), 0) for name in ("a", "\u00e4"))
    assert size(longer) == size(plain) + 1


@pytest.mark.parametrize("partner", ["no:such", "../..", "b nk", "\u94f6\u884c", "n" * 300, "bank\n"])
async def test_no_topic_can_have_such_a_name(partner: str) -> None:
    found = await Topics().fault(NOBODY, rejected_topic(partner))
    assert found is not None
    assert found.startswith("No topic")


async def test_a_topic_of_the_platform_is_waited_for() -> None:
    assert await Topics().fault(NOBODY, NORMALIZED) is None
