"""`tail`: follow a topic, readable."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, tzinfo
from functools import partial
from typing import Annotated, Any

import msgspec
import typer
from aiokafka import ConsumerRecord

from goodstanding.cli.arguments import AnyPartner
from goodstanding.cli.frame import AsJson, answer_json, local, say, tell_entry, warn
from goodstanding.cli.group import commands
from goodstanding.cli.subject import in_words
from goodstanding.errors import UserError
from goodstanding.person.asking import as_json_of, told_by
from goodstanding.person.held import state_of
from goodstanding.person.user_id import SHOWN
from goodstanding.platform.deployment import partners
from goodstanding.platform.fixed_settings import FixedSettings
from goodstanding.platform.stack import reached
from goodstanding.reading.offsets import asking
from goodstanding.reading.topic import tail
from shared.contracts import zones
from shared.contracts.erasure import is_nobody
from shared.contracts.faults import Fault
from shared.contracts.identity import USER_ID_PATTERN
from shared.contracts.messages import (
    TYPES,
    DisputeQuestion,
    RecordChange,
    RecordSettled,
    ScoreChange,
    TierChange,
    follow,
)
from shared.contracts.months import month_name
from shared.contracts.refusals import read_refusal
from shared.contracts.topics import (
    RECORDS_CHANGED,
    SCORES_CHANGED,
    SUBJECT_ANSWERS,
    TIERS_CHANGED,
    disputes_topic,
    partner_of,
    rejected_topic,
)

app = commands("Follow a topic, readable: the last messages, then what comes, until Ctrl-C.")

Last = Annotated[
    int,
    typer.Option("--last", "-n", metavar="COUNT", min=0, help="How many of the messages already there to show first."),
]
Once = Annotated[bool, typer.Option("--once", help="End after the messages that are already there.")]


_STATUSES = {"expired": "lapsed"}
"""The words for people, where they are not those of the message."""


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
    """Changes of negative records as they are published: reported, settled, lapsed.

    Example: goodstanding tail records --last 20 --once
    """
    _follow([RECORDS_CHANGED], last, once, as_json, partial(_body, RecordChange), _record_line)


@app.command()
def answers(last: Last = 10, once: Once = False, as_json: AsJson = False) -> None:
    """What people are told: answers to their requests, notices and receipts.

    Example: goodstanding tail answers --last 20 --once
    """
    _follow([SUBJECT_ANSWERS], last, once, as_json, _told, _told_line)


@app.command()
def rejected(
    partner: AnyPartner = "",
    last: Last = 10,
    once: Once = False,
    as_json: AsJson = False,
) -> None:
    """Refused events with code, field and sentence: what each partner learns.

    Example: goodstanding tail rejected bank
    """
    if partner and partner not in partners():
        raise UserError(f"There is no partner {partner}.", f"Say one of: {', '.join(partners())}.")
    topics = [rejected_topic(partner)] if partner else asyncio.run(_made([rejected_topic(name) for name in partners()]))
    _follow(topics, last, once, as_json, _refusal, _refusal_line)


@app.command()
def disputes(partner: AnyPartner, last: Last = 10, once: Once = False, as_json: AsJson = False) -> None:
    """What a partner is asked about records of its own that people dispute, and until when it may answer.

    Example: goodstanding tail disputes bank --once
    """
    if partner not in partners():
        raise UserError(f"There is no partner {partner}.", f"Say one of: {', '.join(partners())}.")
    _follow([disputes_topic(partner)], last, once, as_json, _question, _question_line)


async def _made(topics: list[str]) -> list[str]:
    """A new partner's is not there yet, and the others have news all the same."""
    async with asking(reached()[0]) as offsets:
        return await offsets.existing(topics)


def _follow(
    topics: Sequence[str],
    last: int,
    once: bool,
    as_json: bool,
    read: Callable[[ConsumerRecord], dict[str, Any] | None],
    line: Callable[[dict[str, Any], tzinfo], str],
) -> None:
    kafka, deployment = reached()
    zone = zones.zone((deployment.settings if deployment else FixedSettings.new()).zone)

    async def print_all() -> None:
        is_empty = True
        async for record in tail(kafka, topics, last, follow=not once):
            try:
                message = read(record)
            except UserError as error:
                is_empty = False
                # Whoever may write to Kafka can write such a record, which must not end the command.
                warn(f"{record.topic}/{record.partition}/{record.offset} cannot be read: {error}")
                continue
            if message is None:
                continue
            is_empty = False
            if as_json:
                answer_json(message)
            else:
                tell_entry(_erased(message) or line(message, zone))
        if is_empty and last and not as_json:
            say("Nothing is there so far. Without --once, what comes is shown as it comes.")

    asyncio.run(print_all())


def _erased(message: dict[str, Any]) -> str:
    """The line of an erasure, and no text for another message."""
    return f"{message['user_id'][:SHOWN]}  erased" if message.get("erased") else ""


def _user_id(record: ConsumerRecord) -> str | None:
    """None for another key: such records are written so that the broker can erase what lies before them."""
    key = (record.key or b"").decode(errors="replace")
    return key if re.fullmatch(USER_ID_PATTERN, key) else None


def _body(model: type[Any], record: ConsumerRecord) -> dict[str, Any] | None:
    user_id = _user_id(record)
    if user_id is None or is_nobody(user_id):
        return None
    if record.value is None:
        return {"user_id": user_id, "erased": True}
    change = follow(model, record.value)
    if isinstance(change, Fault):
        raise UserError(change.sentence)
    told: dict[str, Any] = {"user_id": user_id, **msgspec.to_builtins(change)}
    if "publication" in told:  # as `explain` has it too
        run = told["publication"]
        told["publication_month"] = None if run is None else month_name(run)
    return told


def _told(record: ConsumerRecord) -> dict[str, Any] | None:
    user_id, told = _user_id(record), told_by(record)
    if user_id is None or told is None:
        return None
    if isinstance(told, Fault):
        raise UserError(told.sentence)
    at = datetime.fromtimestamp(record.timestamp / 1000, UTC).isoformat(timespec="seconds")
    return {"user_id": user_id, "told_at": at, **as_json_of(told), "sentence": in_words(told)}


def _told_line(told: dict[str, Any], zone: tzinfo) -> str:
    at = local(datetime.fromisoformat(told["told_at"]), zone)
    if told.get("what"):
        about = "receipt"
    else:
        about = told.get("notice") or " ".join(filter(None, (told.get("request"), told.get("status"))))
    return "  ".join(filter(None, (told["user_id"][:SHOWN], at, about, told.get("sentence", ""))))


def _score_line(score: dict[str, Any], zone: tzinfo) -> str:
    notes = [*(["thin"] if score["thin"] else []), *score["restrictions"]]
    told = [_day(score["as_of"], zone), score["user_id"][:SHOWN], str(score["score"]), f"version {score['version']}"]
    return "  ".join([*told, *([", ".join(notes)] if notes else []), ", ".join(score["key_factors"])]).rstrip()


def _tier_line(change: dict[str, Any], zone: tzinfo) -> str:
    told = [change["tier"] or "no tier", *(f"restricted {code}" for code in change["restrictions"])]
    told += [f"+{code}" for code in change["granted"]] + [f"-{code}" for code in change["revoked"]]
    about = [_day(change["as_of"], zone), change["user_id"][:SHOWN], f"version {change['version']}"]
    return "  ".join(about + told)


def _record_line(change: dict[str, Any], zone: tzinfo) -> str:
    days = f"began {change['began_on']}" if change.get("began_on") else ""
    if change.get("ended_on"):
        days += f"  ended {change['ended_on']}"
    if change.get("lapses_at"):
        days += f"  lapses {local(datetime.fromisoformat(change['lapses_at']), zone)}"
    about = [
        change["user_id"][:SHOWN],
        change["record_id"][:8],
        change.get("kind") or "",
        _STATUSES.get(change["status"], state_of(change["status"], change.get("ended_on"))),
        days,
    ]
    return "  ".join(each for each in about if each)


def _day(instant: str, zone: tzinfo) -> str:
    return f"{datetime.fromisoformat(instant).astimezone(zone):%Y-%m-%d}"


def _question(record: ConsumerRecord) -> dict[str, Any]:
    of_type = next((content for name, content in record.headers if name == "ce_type"), None)
    is_settled = of_type == TYPES[RecordSettled].encode()
    question: DisputeQuestion | RecordSettled | Fault = follow(
        RecordSettled if is_settled else DisputeQuestion, record.value or b""
    )
    if isinstance(question, Fault):
        raise UserError(question.sentence)
    fields = msgspec.to_builtins(question)
    return {name: value for name, value in fields.items() if value is not None}


def _question_line(question: dict[str, Any], zone: tzinfo) -> str:
    if "lapses_at" in question:
        about = [question["ended_on"], question["report_id"], question["kind"], "settled by your report"]
        return "  ".join([*about, f"lapses on {_day(question['lapses_at'], zone)}"])
    text = f": {question['text']}" if "text" in question else ""
    about = [question["asked_on"], question["report_id"], question["kind"], f"answer by {question['answer_by']}"]
    return "  ".join([*about, f"dispute {question['dispute']}", f"{question['reason']}{text}"])


def _refusal(record: ConsumerRecord) -> dict[str, Any]:
    refusal = read_refusal(record.headers)
    if isinstance(refusal, Fault):
        raise UserError(refusal.sentence)
    arrived = datetime.fromtimestamp(record.timestamp / 1000, UTC).isoformat(timespec="seconds")
    partner = partner_of(refusal.origin.partition("/")[0])
    return {"refused_at": arrived, "partner": partner, **msgspec.to_builtins(refusal)}


def _refusal_line(refusal: dict[str, Any], zone: tzinfo) -> str:
    where = f"{refusal['code']} at {refusal['field']}" if refusal["field"] else refusal["code"]
    event = refusal["eventid"] or refusal["origin"]
    at = local(datetime.fromisoformat(refusal["refused_at"]), zone)
    return f"{refusal['partner']}  {at}  {event}  {where}: {refusal['sentence']}"
