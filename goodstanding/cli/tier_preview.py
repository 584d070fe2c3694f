"""`policy preview` of a tier table: what it would do to everybody whom a running platform knows."""

from __future__ import annotations

import asyncio
from pathlib import Path

from goodstanding import policies
from goodstanding.cli.frame import answer_json, console, table, tell
from goodstanding.errors import UserError
from goodstanding.person.standings import standings
from goodstanding.person.user_id import SHOWN
from goodstanding.platform.deployment import Deployment
from goodstanding.platform.stack import Stack
from goodstanding.validation.tier_preview import TierPreview, TiersFound, answer_of, in_order
from services.benefits.core.table import TierTable
from shared.contracts import zones
from shared.policy_file import load_policy


def preview_tiers(new: Path, against: Path | None, names_max: int, *, as_json: bool) -> None:
    """Judge everybody by another tier table, as if it began now, and say what would change."""
    table = load_policy(new, TierTable)
    given = load_policy(against, TierTable) if against else None
    old, found = asyncio.run(_previewed(Stack.default().deployment, table, given, names_max))
    if not found.people:
        raise UserError("The platform knows nobody yet.", "Send it events: goodstanding partner send")
    if as_json:
        answer_json(answer_of(found, old, table))
    else:
        _show(found, old, table)


async def _previewed(
    deployment: Deployment, new: TierTable, against: TierTable | None, names_max: int
) -> tuple[TierTable, TiersFound]:
    now, zone = await deployment.now(), zones.zone(deployment.settings.zone)
    old = against or policies.tier_table(now.astimezone(zone).date(), deployment.policies)
    preview = TierPreview(old, new, zone, now, names_max)
    async for user_id, standing in standings(deployment):
        preview.take(user_id, standing)
    return old, preview.found


def _show(found: TiersFound, old: TierTable, new: TierTable) -> None:
    tell(f"{old.id} -> {new.id}: {found.people:,} people.")
    names = {tier.code: tier.name for tier in (*old.tiers, *new.tiers)}
    benefits = {benefit.code: benefit.name for each in (old, new) for tier in each.tiers for benefit in tier.benefits}
    if not found.crossings:
        tell("Nobody crosses a tier.")
    else:
        rows = [
            (
                f"{names.get(each.before or '', 'no tier')} -> {names.get(each.after or '', 'no tier')}",
                "after its grace" if each.with_grace else "at once",
                f"{people:,}",
            )
            for each, people in in_order(found.crossings)
        ]
        console.print()
        console.print(table(["crosses a tier", "when", "people"], rows, right=("people",)))
    told = [
        *((benefits[code], "granted", people) for code, people in sorted(found.granted.items())),
        *((benefits[code], "lost at once", people) for code, people in sorted(found.revoked.items())),
        *((benefits[code], "ends after its grace", people) for code, people in sorted(found.ending.items())),
        *((benefits[code], f"newly closed by {each}", people) for (each, code), people in sorted(found.closed.items())),
        *((benefits[code], f"not closed by {each} any more", n) for (each, code), n in sorted(found.opened.items())),
    ]
    if told:
        console.print()
        console.print(table(["benefit", "", "people"], [(a, b, f"{n:,}") for a, b, n in told], right=("people",)))
    if found.crossing:
        console.print()
        tell(f"Among those who cross a tier: {', '.join(user_id[:SHOWN] for user_id in found.crossing)}.")
