"""Reads a person's explanation from a running platform."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from goodstanding import policies
from goodstanding.person import score
from goodstanding.person.explained import Explained, ahead_of, explained
from goodstanding.person.setting import Setting
from goodstanding.platform.deployment import Deployment
from services.scorer.core.explain import Published
from services.scorer.core.policy import Policy
from services.scorer.core.reasons.figures import Language
from services.scorer.core.reasons.record_costs import points_of
from services.scorer.loading import scorecards
from shared.contracts import zones


async def read_explained(
    deployment: Deployment, user_id: str, language: Language, *, before: datetime | None = None, advice: str = ""
) -> tuple[Sequence[Published], Explained, Setting]:
    """The publications that are kept, or those before an instant, what the last of them is explained as, and by what.
    Raises UserError, with the advice, when there is none."""
    rows = await score.published(deployment, user_id, before, advice)
    now = await deployment.now()
    present = await score.present(deployment, user_id, now) if before is None else None
    setting = _setting(deployment, language, now)
    today = now.astimezone(setting.zone).date()
    ahead = None if present is None else ahead_of(present, setting, today)
    return rows, explained(rows, ahead, setting, today), setting


async def points_of_records(deployment: Deployment, user_id: str, record_ids: Sequence[str]) -> dict[str, int]:
    """What each of these records takes from the person's score today, 0 or less; none of somebody without a score."""
    now = await deployment.now()
    present = await score.present(deployment, user_id, now)
    if present is None:
        return {}
    zone = zones.zone(deployment.settings.zone)
    card = Policy(scorecards=scorecards(deployment.policies), zone=zone, accepts_late_months=0).at(now)
    return {record_id: points_of(present, card, record_id) for record_id in record_ids}


def _setting(deployment: Deployment, language: Language, now: datetime) -> Setting:
    cards, zone = scorecards(deployment.policies), zones.zone(deployment.settings.zone)
    return Setting(
        cards={card.id: card for card in cards},
        in_force=Policy(scorecards=cards, zone=zone, accepts_late_months=0).at(now),
        tiers=policies.tier_table(),
        language=language,
        currency=deployment.settings.currency,
        zone=zone,
        profile=policies.profile(deployment.settings.retention_profile),
    )
