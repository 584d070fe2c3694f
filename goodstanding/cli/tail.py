"""`tail`: follow a topic, readable."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any

import msgspec
import typer
from aiokafka import ConsumerRecord

from goodstanding.cli.frame import AsJson, answer_json, commands, console
from goodstanding.errors import UserError
from goodstanding.platform.deployment import partners
from goodstanding.platform.stack import Stack
from goodstanding.reading.between import tail
from shared.contracts.faults import Fault
from shared.contracts.messages import RecordChange, ScoreChange, TierChange, follow
from shared.contracts.refusals import read_refusal
from shared.contracts.topics import RECORDS_CHANGED, SCORES_CHANGED, TIERS_CHANGED, partner_of, rejected_topic

app = commands("Follow a topic, readable: the last messages, then what comes, until Ctrl-C.")

Last = Annotated[int, typer.Option("--last", "-n", min=0, help="How many of the messages already there to show first.")]
Once = Annotated[bool, typer.Option("--once", help="End after the messages that are already there.")]


@app.command()
def scores(last: Last = 10, once: Once = False, as_json: AsJson = False) -> None:
    """Scores as they are published: what every subscriber sees.

    Example: goodstanding tail scores --last 20 --once
    """
    _follow([SCORES_CHANGED], last, once, as_json, partial(_body, ScoreChange), _score_line)


@app.command()
def tiers(last: Last = 10, once: Once = False, as_json: AsJson = False) -> None:
    """Changes of tiers and benefits as they are published: what every subscriber sees.

    Example: goodstanding tail tiers --last 20 --once
    """
    _follow([TIERS_CHANGED], last, once, as_json, partial(_body, TierChange), _tier_line)


@app.command()
def records(last: Last = 10, once: Once = False, as_json: AsJson = False) -> None:
    """Changes of negative records, as the scorer hears of them: reported, settled, lapsed. No subscriber does.

    Example: goodstanding tail records --last 20 --once
    """
    _follow([RECORDS_CHANGED], last, once, as_json, partial(_body, RecordChange), _record_line)


@app.command()
def rejected(
    partner: Annotated[str, typer.Argument(help="One partner; all of them if left out.")] = "",
    last: Last = 10,
    once: Once = False,
    as_json: AsJson = False,
) -> None:
    """Refused events with code, field and sentence: what each partner learns.

    Example: goodstanding tail rejected bank
    """
    if partner and partner not in partners():
        raise UserError(f"There is no partner {partner}.", f"Say one of: {', '.join(partners())}.")
    names = [partner] if partner else partners()
    _follow([rejected_topic(name) for name in names], last, once, as_json, _refusal, _refusal_line)


def _follow(
    topics: Sequence[str],
    last: int,
    once: bool,
    as_json: bool,
    read: Callable[[ConsumerRecord], dict[str, Any]],
    line: Callable[[dict[str, Any]], str],
) -> None:
    bootstrap = Stack.default().deployment.addresses.kafka

    async def print_all() -> None:
        async for record in tail(bootstrap, topics, last, follow=not once):
            message = read(record)
            if as_json:
                answer_json(message)
            else:
                console.print(line(message), markup=False, soft_wrap=True)

    asyncio.run(print_all())


def _body(model: type[Any], record: ConsumerRecord) -> dict[str, Any]:
    change = follow(model, record.value)
    if isinstance(change, Fault):
        raise UserError(f"{record.topic}/{record.partition}/{record.offset} cannot be read: {change.sentence}")
    return {"user_id": record.key.decode(), **msgspec.to_builtins(change)}


def _score_line(score: dict[str, Any]) -> str:
    notes = [*(["thin"] if score["thin"] else []), *score["restrictions"]]
    factors = ", ".join(score["key_factors"])
    return (
        f"{score['as_of'][:10]}  {score['user_id'][:16]}  {score['score']}  version {score['version']}"
        f"{'  ' + ', '.join(notes) if notes else ''}  {factors}"
    )


def _tier_line(change: dict[str, Any]) -> str:
    told = [change["tier"] or "no tier", *(f"restricted {code}" for code in change["restrictions"])]
    told += [f"+{code}" for code in change["granted"]] + [f"-{code}" for code in change["revoked"]]
    return f"{change['as_of'][:10]}  {change['user_id'][:16]}  version {change['version']}  {'  '.join(told)}"


def _record_line(change: dict[str, Any]) -> str:
    # Of one that has lapsed nothing is said but that.
    if not change["began_on"]:
        return f"{change['user_id'][:16]}  {change['record_id'][:8]}  {change['status']}"
    days = f"began {change['began_on']}"
    if change["ended_on"]:
        days += f"  ended {change['ended_on']}  lapses {change['lapses_at']}"
    return f"{change['user_id'][:16]}  {change['record_id'][:8]}  {change['kind']}  {change['status']}  {days}"


def _refusal(record: ConsumerRecord) -> dict[str, Any]:
    refusal = read_refusal(record.headers)
    if isinstance(refusal, Fault):
        raise UserError(f"{record.topic}/{record.partition}/{record.offset} cannot be read: {refusal.sentence}")
    arrived = datetime.fromtimestamp(record.timestamp / 1000, UTC).isoformat(timespec="seconds")
    partner = partner_of(refusal.origin.partition("/")[0])
    return {"refused_at": arrived, "partner": partner, **msgspec.to_builtins(refusal)}


def _refusal_line(refusal: dict[str, Any]) -> str:
    place = f"{refusal['code']} at {refusal['field']}" if refusal["field"] else refusal["code"]
    event = refusal["eventid"] or refusal["origin"]
    return f"{refusal['partner']}  {event}  {place}: {refusal['sentence']}"
