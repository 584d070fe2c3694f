"""`offsets`: whether Kafka and what the services have written down agree, and the operator's word where they do not."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Annotated, Any

import typer

from goodstanding import rebasing
from goodstanding.cli.arguments import AnyService, ServiceName
from goodstanding.cli.frame import AsJson, answer_json, console, fail
from goodstanding.cli.group import commands
from goodstanding.errors import UserError
from goodstanding.platform.deployment import Deployment
from goodstanding.platform.stack import Stack
from goodstanding.rebasing import Moved, Place
from goodstanding.waiting_for_word import Waiting, give_word, not_taken_up, waiting_for_word
from shared.contracts.times import TimeError, instant, rfc3339

app = commands("Whether Kafka and Postgres agree, and what to do after one was restored, made again or moved.")


def _instant(text: str) -> datetime:
    try:
        return instant(text)
    except TimeError as error:
        raise typer.BadParameter(error.sentence) from None


Yes = Annotated[bool, typer.Option("--yes", help="Do it; without it, only what would be done is said.")]
"""Of `accept`, here and for clocks."""


@app.command()
def check(
    service: AnyService = "",
    as_json: AsJson = False,
) -> None:
    """What stops a service because its offsets are of another Kafka, or its database of another time. Ends with 1 when
    something waits for your word.

    Example: goodstanding offsets check scorer
    """
    deployment = Stack.default().deployment
    waiting = waiting_of(deployment, service, about_time=False)
    resolve = "\n".join(f"Resolve: goodstanding offsets accept {name}" for name in sorted({w.service for w in waiting}))
    given = [] if waiting else asyncio.run(_not_taken_up(deployment, service))
    nothing = "Kafka and Postgres agree: nothing waits for your word."
    if given:
        nothing = "\n".join(f"{name}: your word is given; the service takes it up when it runs." for name in given)
    answer_waiting_and_exit(waiting, as_json, nothing=nothing, then=resolve)


@app.command()
def accept(
    service: ServiceName,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Say what resolving means, and with --yes, have the service do it. Your word is written down with its time, is for
    exactly what is shown, and takes effect within seconds.

    Example: goodstanding offsets accept scorer --yes
    """
    deployment = Stack.default().deployment
    give(
        deployment,
        waiting_of(deployment, service, about_time=False),
        yes=yes,
        as_json=as_json,
        nothing=f"Nothing of {service} waits for your word.",
        check=f"goodstanding offsets check {service}",
        accept=f"If this is what you want: goodstanding offsets accept {service} --yes",
    )


@app.command()
def rebase(
    service: AnyService = "",
    since: Annotated[
        datetime | None,
        typer.Option(
            metavar="TIME",
            parser=_instant,
            help="When all that had been sent was handled, and nothing new was sent yet: a time with offset, such as "
            "2026-03-01T12:00:00Z. ingest needs it, since nothing else tells how far it had read.",
        ),
    ] = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Go on in another Kafka that has copies of the topics, each from an hour before the last record that was handled.
    Without --yes, only say where that is. All services must be stopped.

    Example: goodstanding offsets rebase --since 2026-03-01T12:00:00Z
    """
    deployment = Stack.default().deployment
    moved = asyncio.run(_moved(deployment, _named(deployment, service), since))
    if yes:
        asyncio.run(rebasing.carry_out(deployment, moved))
    if as_json:
        answer_json(
            {"rebased": yes and bool(moved), "places": [_place(each, at) for each in moved for at in each.places]}
        )
        return
    if not moved:
        console.print("The stored offsets are of this Kafka: nothing is to be rebased.")
        return
    for line in _summary(moved):
        console.print(line, markup=False, soft_wrap=True)
    if yes:
        console.print("Done. Start the services, and see that they agree: goodstanding offsets check", soft_wrap=True)
    else:
        fail("Nothing was done yet. If this is what you want, repeat it with --yes.")


async def _moved(deployment: Deployment, services: Sequence[str], since: datetime | None) -> list[Moved]:
    return [each for service in services for each in await rebasing.plan(deployment, service, since)]


def _summary(moved: Sequence[Moved]) -> Iterator[str]:
    """A line for each service and topic."""
    by_topic: dict[tuple[str, str], list[Place]] = {}
    for each in moved:
        for place in each.places:
            by_topic.setdefault((each.service, place.topic), []).append(place)
    for (service, topic), places in by_topic.items():
        behind = sum(place.now.end - place.offset for place in places)
        there = sum(place.now.end - place.now.first for place in places)
        times = [place.since for place in places if place.since is not None]
        since = f"since {rfc3339(min(times))}" if len(times) == len(places) else "from the beginning"
        yield f"{service}: {topic} is read {since}: {behind:,} of {there:,} offsets."
    for service, topic in dict.fromkeys((each.service, each.own.topic) for each in moved if each.own):
        yield f"{service}: what {topic} lacks of what the database has is published again."


def _place(moved: Moved, place: Place) -> dict[str, Any]:
    """For programs."""
    return {
        "service": moved.service,
        "topic": place.topic,
        "partition": place.partition,
        "offset": place.offset,
        "first": place.now.first,
        "end": place.now.end,
        "since": rfc3339(place.since) if place.since else None,
    }


def give(
    deployment: Deployment,
    waiting: list[Waiting],
    *,
    yes: bool,
    as_json: bool,
    nothing: str,
    check: str,
    accept: str,
) -> None:
    """Write the operator's word down, or say what it would mean. `nothing` is the answer where nothing waits;
    `check` is the command that shows the effect, and `accept` says how to give the word."""
    if yes:
        asyncio.run(give_word(deployment, waiting))
    if as_json:
        answer_json(
            {
                "accepted": yes and bool(waiting),
                "nothing_waits": not waiting,
                "waiting": [_fields(each) for each in waiting],
            }
        )
        return
    if not waiting:
        console.print(nothing)
        return
    _show(waiting)
    if yes:
        console.print(f"Your word is written down. See it go on: {check}", soft_wrap=True)
    else:
        fail(f"Nothing was done yet. {accept}")


def waiting_of(deployment: Deployment, service: str, *, about_time: bool) -> list[Waiting]:
    """What waits for the operator's word, of this service or of all: about the time, or about Kafka and Postgres, where
    it concerns shards. Raises UserError for an unknown service."""
    return [each for each in asyncio.run(_waiting(deployment, service)) if bool(each.shards) != about_time]


async def _waiting(deployment: Deployment, service: str) -> list[Waiting]:
    found = [await waiting_for_word(deployment, name) for name in _named(deployment, service)]
    return [each for part in found for each in part]


def _named(deployment: Deployment, service: str) -> Sequence[str]:
    """This service, or all of them. Raises UserError for an unknown one."""
    services = deployment.settings.services
    if service and service not in services:
        raise UserError(f"There is no service {service}.", f"Say one of: {', '.join(services)}.")
    return [service] if service else services


async def _not_taken_up(deployment: Deployment, service: str) -> list[str]:
    """The services that have not taken up what the operator has decided."""
    services = [service] if service else deployment.settings.services
    return [name for name in services if await not_taken_up(deployment, name)]


def answer_waiting_and_exit(waiting: list[Waiting], as_json: bool, *, nothing: str, then: str = "") -> None:
    """Say what waits, or that nothing does; ends with 1 when something waits. `then` follows what waits."""
    if as_json:
        answer_json({"waiting": [_fields(each) for each in waiting]})
    elif waiting:
        _show(waiting)
        if then:
            console.print(then, soft_wrap=True)
    else:
        console.print(nothing)
    if waiting:
        raise typer.Exit(1)


def _show(waiting: list[Waiting]) -> None:
    """Each with what it would mean to accept it."""
    for each in waiting:
        where = f", shard {', '.join(map(str, each.shards))}" if each.shards else ""
        console.print(f"{each.service}{where}: {each.found.sentence}", markup=False, soft_wrap=True)
        console.print(f"  Accepting it means: {each.found.remedy}.\n", markup=False, soft_wrap=True)


def _fields(waiting: Waiting) -> dict[str, Any]:
    """For programs."""
    return {
        "service": waiting.service,
        "shards": list(waiting.shards),
        "contradiction": waiting.found.token,
        "sentence": waiting.found.sentence,
        "accepting_means": waiting.found.remedy,
    }
