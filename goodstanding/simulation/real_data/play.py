"""The real-data demo's course: servers up, month after month, totals checked, everything stopped again."""

from __future__ import annotations

import asyncio
import time
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from rich.console import Console

from goodstanding.partner.event import PartnerEvent
from goodstanding.platform.deployment import Deployment
from goodstanding.platform.fixed_settings import FixedSettings
from goodstanding.platform.servers import Addresses
from goodstanding.platform.service_process import ServiceProcess
from goodstanding.simulation.real_data import bank
from goodstanding.simulation.real_data.bands import Band, bands_of
from goodstanding.simulation.real_data.mistakes import with_mistakes
from goodstanding.simulation.real_data.source import Source
from goodstanding.simulation.recount import Recount
from goodstanding.simulation.stage import POLICIES, Sending, Stage, platform, staged
from goodstanding.simulation.view import View, view_for
from shared.contracts.months import day_of_month, month_name, month_start
from shared.contracts.topics import RECORDS_CHANGED, SCORES_CHANGED, TIERS_CHANGED
from shared.settings import ROOT

DATA = ROOT / "data" / "uci-credit-card-train.csv"
ADAPTER = "uci-credit-card"


@dataclass(frozen=True, slots=True)
class Result:
    """What came out. `differences` between it and the recount are sentences; there should be none."""

    events: int
    accepted: int
    refused: dict[str, int]
    repeated: int
    scores: int
    tiers: int
    records: int
    people: int
    bands: list[Band]
    differences: list[str]
    example: str
    """The account of somebody whose score is worth a look."""
    seconds: float


def run(source: Source, console: Console, *, keep: bool, given: Addresses | None) -> Result:
    """Play the source's months on `given` servers, or on some of its own, which end with the call unless `keep` is set.

    Raises UserError or ServersError, with everything stopped that was started.
    """
    began = time.monotonic()
    settings = FixedSettings.new(zone=source.zone.key, currency=source.currency, clock="stepped")
    first = _instant(source, source.months[0], publication_day())
    with view_for(console) as view, platform(view.step, settings, first, keep=keep, given=given) as (deployment, them):
        return asyncio.run(_play(source, deployment, them, view, first, began))


def _instant(source: Source, month: int, day: int) -> datetime:
    return month_start(month, source.zone, day).astimezone(source.zone)


async def _play(
    source: Source, deployment: Deployment, processes: list[ServiceProcess], view: View, first: datetime, began: float
) -> Result:
    settings = deployment.settings
    recount = Recount(POLICIES, settings.retention_profile, bytes.fromhex(settings.key), source.zone)
    async with staged(deployment, processes, recount, view, first) as stage:
        for month in source.months:
            async with stage.span(month_name(month)):
                await _play_month(source, month, stage)
        return _result(source, stage, await stage.accepted(), began)


async def _play_month(source: Source, month: int, stage: Stage) -> None:
    """What the bank reports of the month comes at its end, and scores are published on a day of the next one."""
    name = f"{day_of_month(month):%B}"
    await stage.move_to(_instant(source, month + 1, 1) - timedelta(seconds=1))
    await stage.send(_sendings(source.partner, source.events(month), stage.instant), f"the bank reports {name}")
    await stage.drain(f"the services work on {name}")
    await stage.move_to(_instant(source, month + 1, publication_day()))
    stage.recount.published(month + 1, stage.instant)
    await stage.drain("publication of the scores")


def _sendings(partner: str, events: Iterable[PartnerEvent], now: datetime) -> Iterator[Sending]:
    for event in with_mistakes(events):
        yield Sending(partner, event, bank.read(event.value, now))


def _result(source: Source, stage: Stage, accepted: int, began: float) -> Result:
    heard = stage.subscriber.heard
    user_ids = {stage.recount.user_id(person.identifier): person for person in source.people}
    scored = {user_ids[user_id]: change.score for user_id, change in stage.subscriber.last.items()}
    return Result(
        events=stage.events,
        accepted=accepted,
        refused={code: count for (_, code), count in stage.partners.refused.items()},
        repeated=stage.recount.repeated,
        scores=heard[SCORES_CHANGED],
        tiers=heard[TIERS_CHANGED],
        records=heard[RECORDS_CHANGED],
        people=len(scored),
        bands=bands_of((score, person.defaulted) for person, score in scored.items()),
        differences=list(stage.differences(accepted)),
        example=min(scored, key=lambda person: scored[person]).identifier if scored else "",
        seconds=time.monotonic() - began,
    )


def publication_day() -> int:
    """Of the shipped scorecard."""
    day: int = tomllib.loads((POLICIES / "scorecard.toml").read_text())["publication_day"]
    return day
