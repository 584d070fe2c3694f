"""What both demos have in common: the platform is set up, a story is played on it, and what came out is compared."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from goodstanding.platform.fixed_settings import FixedSettings
from goodstanding.platform.servers import Addresses
from goodstanding.simulation.recount import Recount
from goodstanding.simulation.rule_book import read_policy
from goodstanding.simulation.stage import POLICIES, Stage, platform, staged
from goodstanding.simulation.view import View
from shared.contracts import zones
from shared.contracts.months import month_start
from shared.contracts.topics import RECORDS_CHANGED, SCORES_CHANGED, TIERS_CHANGED
from shared.policy_file import SCORECARD


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came out. `differences` between it and the recount are sentences; there should be none."""

    events: int
    accepted: int
    repeated: int
    scores: int
    tiers: int
    records: int
    people: int
    """Everybody who has a score."""
    differences: list[str]
    seconds: float = 0


R = TypeVar("R", bound=Result)


def run(
    play: Callable[[Stage], Awaitable[R]],
    settings: FixedSettings,
    first: datetime,
    view: View,
    *,
    keep: bool,
    given: Addresses | None,
) -> R:
    """Play on `given` servers, or on some of its own, which end with the call unless `keep` is set. The clock begins at
    `first`, in the settings' zone.

    With `keep` there is a portal, so that people's pages can be looked at.

    Raises UserError or ServersError, with everything stopped that was started.
    """
    began = time.monotonic()
    settings = settings.with_portal() if keep else settings

    async def played() -> R:
        zone = zones.zone(settings.zone)
        recount = Recount(POLICIES, settings.retention_profile, bytes.fromhex(settings.key), zone)
        async with staged(deployment, processes, recount, view, first) as stage:
            return replace(await play(stage), seconds=time.monotonic() - began)

    with view, platform(view.step, settings, first, keep=keep, given=given) as (deployment, processes):
        return asyncio.run(played())


async def totals(stage: Stage) -> dict[str, Any]:
    """The fields of a Result, but for the time that it took."""
    accepted, heard = await stage.accepted(), stage.subscriber.heard
    return {
        "events": stage.events,
        "accepted": accepted,
        "repeated": stage.recount.repeated,
        "scores": heard[SCORES_CHANGED],
        "tiers": heard[TIERS_CHANGED],
        "records": heard[RECORDS_CHANGED],
        "people": len(stage.subscriber.scores),
        "differences": list(stage.differences(accepted)),
    }


def instant(month: int, day: int, zone: ZoneInfo) -> datetime:
    """The first instant of a day of the month, as that zone shows it."""
    return month_start(month, zone, day).astimezone(zone)


def publication_day() -> int:
    """The day of the month on which the shipped scorecard publishes."""
    day: int = read_policy(POLICIES / SCORECARD)["publication_day"]
    return day
