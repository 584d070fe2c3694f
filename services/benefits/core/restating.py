"""What a standing becomes, and what is said again, when Kafka or Postgres was restored from an older copy."""

from __future__ import annotations

import msgspec

from services.benefits.core.decide import change_between
from services.benefits.core.policy import Policy
from services.benefits.core.standing import Fall, Standing
from shared.contracts.messages import TierChange


def said_again(standing: Standing, told: TierChange | None, policy: Policy) -> tuple[Standing, TierChange | None]:
    """The standing with the highest version, and the message that the topic needs, if any.

    `told` is the last message on the topic about the person. It may come from a time that the restored database does
    not know, or be older than the database.
    """
    table = policy.by_day(standing.table_from)
    before = standing_as_told(told, policy) if told else None
    reached = msgspec.structs.replace(standing, version=max(standing.version, told.version if told else 0))
    change = change_between(before, reached, table)
    return (msgspec.structs.replace(reached, version=change.version) if change else reached), change


def standing_as_told(told: TierChange, policy: Policy) -> Standing:
    """The standing of somebody whom only the topic knows: as that message left them, until the next score. Until then
    the score is one that reaches what they have."""
    kept = told.tier if told.falls_at is None else told.falls_to
    table = policy.at(told.as_of)
    falls = (Fall(told.tier, told.falls_at),) if told.tier is not None and told.falls_at is not None else ()
    return Standing(
        score_version=0,
        score=table.begins_at(table.position(kept)),
        thin=True,
        as_of=told.as_of,
        version=told.version,
        tier=told.tier,
        kept=kept,
        in_force=tuple(told.in_force),
        restrictions=tuple(told.restrictions),
        falls=falls,
        falls_at=told.falls_at,
        falls_to=told.falls_to,
        table_from=table.day,
    )
