"""What is compared at each claim, before anything is sent or read: Kafka and Postgres must not contradict."""

from __future__ import annotations

from shared.runner.host import Host, Inputs
from shared.runner.store import Claim


class ContradictionError(Exception):
    """Kafka and Postgres contradict each other. Its text is shown as it is: what was found, and the command to give."""


async def check_claim(host: Host, service: str, shard: int, claim: Claim, inputs: Inputs) -> Claim:
    """The claim to go on with. Raises ContradictionError; any other exception means that it cannot be known yet."""
    return claim
