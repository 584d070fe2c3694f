"""How long the portal's pages take to their first byte, beside a platform that works.

    python -m bench.portal [--per-second 50] [--seconds 60] [--events 20] [--people 400] [--only NAME]

The whole platform in continuous cadence, on a Kafka and a Postgres of its own. People with a history are made of the
seven partners' samples, and more events about them flow all the time, so that what a page says changes while it is
read. The pages are asked for in turn, each time by the next visitor; with --only, only those whose name has the text.
The time runs from the instant at which a request is to be sent until its answer begins, so no request waits uncounted
for another.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import re
import statistics
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TypeAlias

import asyncpg
import httpx

from bench.__main__ import _events, _send
from bench.waiting import until
from goodstanding.cli.portal import link_for
from goodstanding.person.user_id import user_id_of
from goodstanding.platform.deployment import Deployment
from goodstanding.platform.fixed_settings import FixedSettings
from goodstanding.platform.stack import passing
from goodstanding.portal.tokens import Role
from goodstanding.reading.offsets import asking
from shared.contracts.identity import sample_account
from shared.contracts.topics import NORMALIZED, group_of
from shared.kafka.sender import send, started

_EACH_HAS = 30
"""Events of each person before anything is measured: so many publications are in the history then."""
_SESSIONS = 20
"""Of each desk: one alone would be told to ask less often."""
_FOLDED = "select sum((offsets ->> $1)::bigint) >= $2 from scorer.shard"
_SHOWN = "select (select sum(version) from portal.person) = (select sum(version) from scorer.person)"
_WARM_S, _PATIENCE_S = 5.0, 120.0
"""How long the start is not counted, because connections are opened then; and how long a request may take at most."""
_WORD = re.compile(r'name="word" value="([0-9a-f]{64})"')

Ask: TypeAlias = Callable[[int], httpx.Request]
"""The request that is sent as the n-th."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody with a session. `word` is what the forms of the session carry."""

    cookie: str
    token: str
    user_id: str = ""
    word: str = ""

    @property
    def header(self) -> dict[str, str]:
        return {"cookie": f"session={self.cookie}"}


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.portal", description=__doc__.splitlines()[0])
    parser.add_argument("--per-second", type=int, default=50, help="requests a second, of all pages (default 50)")
    parser.add_argument("--seconds", type=float, default=60.0, help="for how long (default 60)")
    parser.add_argument("--events", type=int, default=20, help="events a second meanwhile (default 20)")
    parser.add_argument("--people", type=int, default=400, help="whose pages are read (default 400)")
    parser.add_argument("--only", default="", help="the pages whose name has this text")
    given = parser.parse_args()
    for name, took_ms in measured(given.per_second, given.seconds, given.events, given.people, given.only).items():
        told = ", ".join(f"{which} {took:.0f} ms" for which, took in quantiles(took_ms).items())
        print(f"{name:<26} {len(took_ms):>6,} requests, {told}", flush=True)


def quantiles(took_ms: Sequence[float]) -> dict[str, float]:
    cuts = statistics.quantiles(took_ms, n=100)
    return {"p50": cuts[49], "p90": cuts[89], "p99": cuts[98], "longest": max(took_ms)}


def measured(
    per_second: int = 50, seconds: float = 60.0, events: int = 20, people: int = 400, only: str = ""
) -> dict[str, list[float]]:
    """By page, the milliseconds that each request waited for the first byte of its answer."""
    settings = FixedSettings.new(cadence="continuous").with_portal()
    with passing(lambda _: None, None, settings) as (deployment, _):
        return asyncio.run(_measure(deployment, per_second, seconds, events, people, only))


async def _measure(
    deployment: Deployment, per_second: int, seconds: float, events: int, people: int, only: str
) -> dict[str, list[float]]:
    before = list(_events(people * _EACH_HAS, people, seed=1))
    await _send(deployment, before)
    await _all_shown(deployment, len(before))
    async with (
        httpx.AsyncClient(base_url=deployment.portal_url, timeout=_PATIENCE_S) as http,
        _flowing(deployment, events, people),
    ):
        pages = {name: ask for name, ask in (await _pages(deployment, http, people)).items() if only in name}
        await _asked(http, pages, per_second, _WARM_S)
        return await _asked(http, pages, per_second, seconds)


async def _all_shown(deployment: Deployment, events: int) -> None:
    """Return when the portal shows everything that the events have led to."""
    db = await asyncpg.connect(deployment.addresses.postgres)
    async with asking(deployment.kafka) as offsets:
        while True:
            if sum((await offsets.committed(group_of("ingest"))).values()) >= events:
                break
            await asyncio.sleep(0.1)  # nobody tells how far it has read
        forwarded = sum((await offsets.ends([NORMALIZED])).values())
    await until(db, _FOLDED, NORMALIZED, forwarded, every_s=0.1)
    await until(db, _SHOWN, every_s=0.1)
    await db.close()


@contextlib.asynccontextmanager
async def _flowing(deployment: Deployment, per_second: int, people: int) -> AsyncIterator[None]:
    """Events at a steady rate while the context lasts."""

    async def flow() -> None:
        events = iter(_events(1_000_000, people, seed=2))
        began, sent = time.perf_counter(), 0
        async with started(deployment.kafka) as producer:
            while True:
                due = int((time.perf_counter() - began) * per_second) - sent
                if due > 0:
                    await send(producer, list(islice(events, due)))
                    sent += due
                await asyncio.sleep(0.05)

    flowing = asyncio.create_task(flow())
    try:
        yield
    finally:
        flowing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await flowing


async def _asked(
    http: httpx.AsyncClient, pages: Mapping[str, Ask], per_second: int, seconds: float
) -> dict[str, list[float]]:
    """Send at the rate, however long answers take."""
    took_ms: dict[str, list[float]] = {name: [] for name in pages}
    names = list(pages)
    began = time.perf_counter()

    async def one(name: str, visitor: int, due: float) -> None:
        answer = await http.send(pages[name](visitor), stream=True)
        took_ms[name].append((time.perf_counter() - due) * 1e3)
        await answer.aread()
        await answer.aclose()
        if answer.status_code >= 400:
            raise SystemExit(f"{answer.request.url.path} answered {answer.status_code}.")

    async with asyncio.TaskGroup() as asked:
        for number in range(int(per_second * seconds)):
            due = began + number / per_second
            await asyncio.sleep(max(due - time.perf_counter(), 0))
            visitor, turn = divmod(number, len(names))
            asked.create_task(one(names[turn], visitor, due))
    return took_ms


# -- who asks for what -------------------------------------------------------------------------------------------------


async def _pages(deployment: Deployment, http: httpx.AsyncClient, people: int) -> dict[str, Ask]:
    owners = [await _person(deployment, http, number) for number in range(people)]
    desks = {role: [await _desk(deployment, http, role) for _ in range(_SESSIONS)] for role in _ROLES}

    def own(path: str, **headers: str) -> Ask:
        return _turns(owners, lambda who: http.build_request("GET", path, headers={**who.header, **headers}))

    def desk(role: Role) -> Ask:
        return _turns(desks[role], lambda who: http.build_request("GET", "/desk", headers=who.header))

    def part(name: str) -> Ask:
        def asked(who: Visitor) -> httpx.Request:
            headers = {"authorization": f"Bearer {who.token}"}
            return http.build_request("GET", f"/v1/people/{who.user_id}/{name}", headers=headers)

        return _turns(owners, asked)

    def found(number: int) -> httpx.Request:
        who, of = desks["support"][number % _SESSIONS], owners[number % people]
        fields = {"user_id": of.user_id, "word": who.word}
        return http.build_request("POST", "/desk/person", data=fields, headers=who.header)

    return {
        "the way in": lambda _: http.build_request("GET", "/"),
        "a link": _turns(owners, lambda who: http.build_request("GET", f"/enter/{who.token}")),
        "a person's page": own("/me?language=en"),
        "a person's page, Chinese": own("/me?language=zh"),
        "a person's data": own("/me/data.json"),
        "desk: support": desk("support"),
        "desk: a person": found,
        "desk: risk": desk("risk"),
        "desk: operator": desk("operator"),
        "interface: standing": part("standing"),
        "interface: reasons": part("reasons"),
    }


_ROLES: tuple[Role, ...] = ("support", "risk", "operator")


def _turns(visitors: Sequence[Visitor], request: Callable[[Visitor], httpx.Request]) -> Ask:
    return lambda number: request(visitors[number % len(visitors)])


async def _person(deployment: Deployment, http: httpx.AsyncClient, number: int) -> Visitor:
    user_id = user_id_of(sample_account(number), deployment.settings)
    token, cookie = await _entered(deployment, http, "person", user_id)
    return Visitor(cookie, token, user_id)


async def _desk(deployment: Deployment, http: httpx.AsyncClient, role: Role) -> Visitor:
    token, cookie = await _entered(deployment, http, role, "bench")
    page = await http.get("/desk", headers={"cookie": f"session={cookie}"})
    word = _WORD.search(page.text)
    return Visitor(cookie, token, word=word[1] if word else "")


async def _entered(deployment: Deployment, http: httpx.AsyncClient, role: Role, who: str) -> tuple[str, str]:
    """The token of a link, and the session that it opens."""
    token = link_for(deployment, role, who, 1).rpartition("/")[2]
    answer = await http.get(f"/enter/{token}")
    http.cookies.clear()
    return token, answer.cookies["session"]


if __name__ == "__main__":
    main()
