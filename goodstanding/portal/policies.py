"""The policies that a score is explained by, read once at the start, as the services read them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from goodstanding.person.setting import Setting
from goodstanding.portal.settings import PortalSettings
from services.benefits.core.table import TierTable
from services.benefits.loading import tier_tables
from services.scorer.core.policy import Policy
from services.scorer.core.reasons.figures import Language
from services.scorer.core.scorecard import Scorecard
from services.scorer.loading import scorecards
from shared.contracts.months import day_of_month
from shared.contracts.retention_profile import Profile
from shared.policy_file import load_policy, profile_file


@dataclass(frozen=True, slots=True)
class Policies:
    cards: tuple[Scorecard, ...]
    tables: tuple[TierTable, ...]
    profile: Profile
    zone: ZoneInfo
    currency: str

    def setting(self, now: datetime, language: Language) -> Setting:
        """By what something is explained that is asked at `now`."""
        return Setting(
            cards={card.id: card for card in self.cards},
            in_force=Policy(scorecards=self.cards, zone=self.zone, accepts_late_months=0).at(now),
            tiers=self.table(now),
            language=language,
            currency=self.currency,
            zone=self.zone,
            profile=self.profile,
        )

    def next_publication(self, now: datetime) -> date | None:
        """The day of the monthly run that is due next; None where scores are published as soon as something changes
        them."""
        policy = Policy(scorecards=self.cards, zone=self.zone, accepts_late_months=0)
        if policy.at(now).cadence == "continuous":
            return None
        run = policy.latest_run(now) + 1
        return day_of_month(run, (policy.of_run(run) or self.cards[0]).publication_day)

    def today(self, now: datetime) -> date:
        return now.astimezone(self.zone).date()

    def table(self, now: datetime) -> TierTable:
        """The tier table in force."""
        begun = [table for table in self.tables if table.day <= self.today(now)]
        return begun[-1] if begun else self.tables[0]


def load(settings: PortalSettings) -> Policies:
    """Raises ConfigError."""
    return Policies(
        cards=scorecards(settings.policies),
        tables=tier_tables(settings.policies),
        profile=load_policy(profile_file(settings.policies, settings.retention_profile), Profile),
        zone=settings.zone_info,
        currency=settings.currency,
    )
