"""The scores of a backtest as the running services publish them: the same people, events and policy, on a Kafka and a
Postgres, with a stepped clock."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import msgspec
from rich.console import Console

from goodstanding.person.user_id import user_id_of
from goodstanding.platform.fixed_settings import FixedSettings
from goodstanding.platform.servers import Addresses
from goodstanding.simulation.course import instant
from goodstanding.simulation.real_data import bank
from goodstanding.simulation.real_data.source import Source
from goodstanding.simulation.recount import Recount
from goodstanding.simulation.stage import POLICIES, Sending, Stage, platform, staged
from goodstanding.simulation.view import view_for
from goodstanding.validation.backtest import Scores
from services.scorer.core.scorecard import Scorecard
from shared.contracts.months import month_name


def live_scores(
    source: Source, card: Scorecard, file: Path, settings: FixedSettings, console: Console, given: Addresses | None
) -> Scores:
    """What the services publish in the two months after the last two of the data set; `file` is the card's. They run on
    `given` servers, or on some of their own, which end with the call. Raises UserError or ServersError."""
    settings = msgspec.structs.replace(settings, clock="stepped", scorecard=str(file.resolve()))
    first = instant(source.months[0], card.publication_day, source.zone)
    view = view_for(console)

    async def played() -> Scores:
        # It works the pseudonyms out and is told of what is sent; nothing is compared with it here.
        recount = Recount(POLICIES, settings.retention_profile, bytes.fromhex(settings.key), source.zone)
        async with staged(deployment, processes, recount, view, first) as stage:
            return await _play(source, card, settings, stage)

    with view, platform(view.step, settings, first, keep=False, given=given) as (deployment, processes):
        return asyncio.run(played())


async def _play(source: Source, card: Scorecard, settings: FixedSettings, stage: Stage) -> Scores:
    identifiers = {user_id_of(person.identifier, settings): person.identifier for person in source.people}
    before: dict[str, int] = {}
    last: dict[str, int] = {}
    for month in source.months:
        async with stage.span(month_name(month)):
            await stage.move_to(instant(month + 1, 1, source.zone) - timedelta(seconds=1))
            await stage.send(_sendings(source, month, stage), "events")
            await stage.drain("folding")
            await stage.move_to(instant(month + 1, card.publication_day, source.zone))
            await stage.drain("publication of the scores")
        before, last = last, {identifiers[key]: change.score for key, change in stage.subscriber.last.items()}
    return Scores(before, last)


def _sendings(source: Source, month: int, stage: Stage) -> Iterator[Sending]:
    for event in source.events(month):
        yield Sending(source.partner, event, bank.read(event.value, stage.instant))
