"""The real-data demo, month after month: the bank reports, scores are published."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from rich.console import Console

from goodstanding.partner.event import PartnerEvent
from goodstanding.platform.fixed_settings import FixedSettings
from goodstanding.platform.servers import Addresses
from goodstanding.simulation import course
from goodstanding.simulation.course import instant, publication_day, totals
from goodstanding.simulation.real_data import bank
from goodstanding.simulation.real_data.bands import Band, bands_of
from goodstanding.simulation.real_data.mistakes import with_mistakes
from goodstanding.simulation.real_data.source import Source
from goodstanding.simulation.stage import Sending, Stage
from goodstanding.simulation.view import view_for
from shared.contracts.months import day_of_month, month_name
from shared.settings import ROOT

DATA = ROOT / "data" / "uci-credit-card-train.csv"
ADAPTER = "uci-credit-card"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result(course.Result):
    """`refused` is by code."""

    refused: dict[str, int]
    bands: list[Band]
    example: str
    """The account of somebody whose score is worth a look."""


def run(source: Source, console: Console, *, keep: bool, given: Addresses | None) -> Result:
    """Play the source's months. Arguments and errors as those of `course.run`."""
    settings = FixedSettings.new(zone=source.zone.key, currency=source.currency, clock="stepped")
    first = instant(source.months[0], publication_day(), source.zone)
    return course.run(partial(_play, source), settings, first, view_for(console), keep=keep, given=given)


async def _play(source: Source, stage: Stage) -> Result:
    for month in source.months:
        async with stage.span(month_name(month)):
            await _play_month(source, month, stage)
    user_ids = {stage.recount.user_id(person.identifier): person for person in source.people}
    scored = {user_ids[user_id]: change.score for user_id, change in stage.subscriber.last.items()}
    return Result(
        **await totals(stage),
        refused={code: count for (_, code), count in stage.partners.refused.items()},
        bands=bands_of((score, person.defaulted) for person, score in scored.items()),
        example=min(scored, key=lambda person: scored[person]).identifier if scored else "",
    )


async def _play_month(source: Source, month: int, stage: Stage) -> None:
    """What the bank reports of the month comes at its end, and scores are published on a day of the next one."""
    name = f"{day_of_month(month):%B}"
    end = instant(month + 1, 1, source.zone) - timedelta(seconds=1)
    await stage.pass_until(end)
    await stage.move_to(end)
    await stage.send(_sendings(source.partner, source.events(month), stage.instant), f"the bank reports {name}")
    await stage.drain(f"the services work on {name}")
    await stage.move_to(instant(month + 1, publication_day(), source.zone))
    stage.recount.published(month + 1, stage.instant)
    await stage.drain("publication of the scores")


def _sendings(partner: str, events: Iterable[PartnerEvent], now: datetime) -> Iterator[Sending]:
    for event in with_mistakes(events):
        yield Sending(partner, event, bank.read(event.value, now))
