"""What a Kafka's rights lack of those that a deployment needs, and what they have too much."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from shared.contracts.rights import Right, partner_principal, principals, rights
from shared.kafka import acls
from shared.kafka.acls import Held
from shared.kafka.connection import Kafka

_KNOWN_WITHIN_S = 30.0
_ASK_AGAIN_AFTER_S = 0.05


@dataclass(frozen=True, slots=True)
class Plan:
    """`right` are there already; `others` are sentences about rules of our principals that no right could say."""

    missing: tuple[Right, ...]
    surplus: tuple[Right, ...]
    right: tuple[Right, ...]
    others: tuple[str, ...]

    @property
    def is_done(self) -> bool:
        return not (self.missing or self.surplus or self.others)


def compare(held: Held, wanted: Collection[Right], ours: Collection[str]) -> Plan:
    """Pure. Of principals that are not ours nothing is said; a partner whose mapping is gone is still one of ours."""

    def is_ours(principal: str) -> bool:
        return principal in ours or principal.startswith(partner_principal("")) or principal == "*"

    return Plan(
        tuple(sorted(set(wanted) - held.rights)),
        tuple(sorted(right for right in held.rights - set(wanted) if is_ours(right.principal))),
        tuple(sorted(held.rights & set(wanted))),
        tuple(sentence for principal, sentence in held.others if is_ours(principal)),
    )


async def plan(kafka: Kafka, partners: Sequence[str], subscribers: Sequence[str]) -> Plan:
    """Raises KafkaError when the rights may not be asked for."""
    held = await acls.held(kafka)
    return compare(held, rights(partners, subscribers), principals(partners, subscribers))


async def apply(kafka: Kafka, found: Plan) -> None:
    """Grant what is missing, then withdraw what is too much, and return when the broker that answers works by that.

    Raises KafkaError, and TimeoutError when it does not in time; run again, it goes on.
    """
    await acls.grant(kafka, found.missing)
    await acls.withdraw(kafka, found.surplus)
    async with asyncio.timeout(_KNOWN_WITHIN_S):
        # The controller's news reach a broker a moment later.
        while True:
            if _is_done(found, await acls.held(kafka)):
                return
            await asyncio.sleep(_ASK_AGAIN_AFTER_S)  # Kafka offers no event for it


def _is_done(found: Plan, held: Held) -> bool:
    return held.rights.issuperset(found.missing) and held.rights.isdisjoint(found.surplus)
