"""The portal on real servers: what the services say reaches it, who may see it, and an erasure waits for it."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import httpx
import pytest
from aiokafka import TopicPartition

from goodstanding.cli.portal import link_for
from goodstanding.partner.sending import send
from goodstanding.partner.verdicts import Line
from goodstanding.person.asking import Asked, Asking, asking_for
from goodstanding.person.receipts import Verified, receipt_in, verify
from goodstanding.person.score import published
from goodstanding.person.user_id import user_id_of
from goodstanding.platform.deployment import Deployment
from goodstanding.platform.fixed_settings import FixedSettings
from goodstanding.platform.stack import passing
from goodstanding.portal import keys, tokens
from goodstanding.portal.events.verdicts import Verdicts
from goodstanding.portal.hooks import sending
from goodstanding.reading.offsets import asking
from goodstanding.reading.topic import between
from services.retention.core.erasure import record_receipt
from services.scorer.core import score
from shared.contracts.cloudevents import STRUCTURED
from shared.contracts.dead_letters import dismissed_headers, set_aside_headers
from shared.contracts.identity import sample_account
from shared.contracts.kinds import RecordClass
from shared.contracts.messages import TYPES, BehaviorEvent, RecordReport, encode, read
from shared.contracts.subject import ErasureReceipt, SubjectRequest
from shared.contracts.times import rfc3339
from shared.contracts.topics import PORTAL, ServiceName, dead_letter_topic, rejected_topic
from shared.contracts.zones import zone
from shared.kafka.sender import started
from shared.settings import ROOT
from tests.support.transactions import left_open

PATIENCE_S = 60.0
_WHY = ("code", "field", "sentence")
NOW = datetime.now(UTC).replace(microsecond=0)
_ZONE = zone("Asia/Shanghai")


@pytest.fixture(scope="module")
def deployment() -> Iterator[Deployment]:
    """With a portal, and each score published as soon as it changes."""
    settings = FixedSettings.new(cadence="continuous").with_portal()
    with passing(lambda _: None, None, settings) as (running, _):
        yield running


class Portal:
    """The portal as somebody reaches it with a key or a link."""

    def __init__(self, deployment: Deployment, http: httpx.AsyncClient) -> None:
        self.deployment, self.http = deployment, http

    def own(self, user_id: str, **until: float) -> dict[str, str]:
        """The header of somebody who has a link."""
        key = bytes.fromhex(self.deployment.settings.portal_key or "")
        expires = datetime.now(UTC) + timedelta(**(until or {"hours": 1}))
        return {"Authorization": f"Bearer {tokens.signed(tokens.made('link', 'person', user_id, expires), key)}"}

    async def key(self, name: str, *scopes: str, role: keys.Holds = "subscriber") -> dict[str, str]:
        db = await asyncpg.connect(self.deployment.dsn(PORTAL))
        try:
            made = await keys.make(db, role, name, scopes, NOW)
        finally:
            await db.close()
        return {"Authorization": f"Bearer {made}"}

    async def get(self, path: str, headers: Mapping[str, str]) -> Any:
        answer = await self.http.get(path, headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def until(
        self,
        path: str,
        headers: Mapping[str, str],
        status: int = 200,
        holds: Callable[[Any], bool] = lambda _: True,
    ) -> httpx.Response:
        """The first answer of this status of which that holds."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                answer = await self.http.get(path, headers=headers)
                if answer.status_code == status and holds(answer.json()):
                    return answer
                await asyncio.sleep(0.1)  # nobody tells how far it has read: it has to be asked


@pytest.fixture
async def portal(deployment: Deployment) -> AsyncIterator[Portal]:
    async with httpx.AsyncClient(base_url=deployment.portal_url) as http:
        yield Portal(deployment, http)


async def report(deployment: Deployment, number: int, *events: Mapping[str, Any]) -> str:
    """Have the partner say this of somebody; the user_id."""
    account = sample_account(number)
    lines = [Line(n, json.dumps({**each, "subject": account}).encode(), None) for n, each in enumerate(events)]
    sent = await send(deployment.addresses.kafka, "city", lines, PATIENCE_S, operator=deployment, now=datetime.now(UTC))
    assert [verdict.result for verdict in sent.verdicts] == ["accepted"] * len(events), sent.verdicts
    return user_id_of(account, deployment.settings)


async def command(deployment: Deployment, *words: str) -> tuple[int | None, str]:
    """Exit code and standard output."""
    home, addresses = str(deployment.directory.parent), deployment.addresses
    given = {
        "GOODSTANDING_HOME": home,
        "GOODSTANDING_KAFKA": addresses.kafka,
        "GOODSTANDING_POSTGRES": addresses.postgres,
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "goodstanding.cli",
        *words,
        cwd=ROOT,
        env={**os.environ, **given},
        stdout=asyncio.subprocess.PIPE,
    )
    printed, _ = await process.communicate()
    return process.returncode, printed.decode()


def _head(id: str, type: str) -> dict[str, str]:
    then = rfc3339(NOW - timedelta(hours=1))
    return {"specversion": "1.0", "id": id, "source": "https://city.example", "type": type, "time": then}


def paid(id: str) -> dict[str, Any]:
    data = {"kind": "water.bill", "days_late": 0, "amount": 9_000}
    return {**_head(id, TYPES[BehaviorEvent]), "data": data}


def no_show(id: str, report_id: str) -> dict[str, Any]:
    began = (NOW - timedelta(days=9)).date().isoformat()
    data = {"kind": "hotel.no_show", "amount": 9_000, "report_id": report_id, "status": "reported", "began_on": began}
    return {**_head(id, TYPES[RecordReport]), "data": data}


async def test_a_person_reads_what_the_services_hold_and_the_reasons_add_up(
    deployment: Deployment, portal: Portal
) -> None:
    user_id = await report(deployment, 1, paid("p1"), no_show("r1", "n1"))
    own, person = portal.own(user_id), f"/v1/people/{user_id}"
    held = await portal.until(f"{person}/records", own, holds=lambda told: bool(told["records"]))
    # One publication for what was paid, and none for the record, of which the person must know first (rules R22).
    told = (await portal.until(f"{person}/score", own, holds=lambda told: told["version"] == 1)).json()
    rows = await published(deployment, user_id, None)
    last = score.decode(rows[-1].evaluation)
    assert (told["score"], told["thin"], told["version"]) == (last.score, last.thin, rows[-1].version)
    for language in ("en", "zh"):
        reasons = await portal.get(f"{person}/reasons?language={language}", own)
        assert sum(each["points"] for each in reasons["reasons"]) == told["score"]
    history = (await portal.get(f"{person}/history", own))["publications"]
    assert [each["version"] for each in history] == [row.version for row in rows]
    assert all(sum(each["causes"].values()) == each["change"] for each in history)
    [record] = held.json()["records"]
    assert (record["partner"], record["report_id"], record["status"]) == ("city", "n1", "settled")
    assert not record["counts"]
    assert datetime.fromisoformat(record["counts_from"]) > NOW + timedelta(days=6)
    assert (await portal.get(f"{person}/hints", own))["next_tier"] is not None
    tag = (await portal.until(f"{person}/score", own)).headers["etag"]
    assert (await portal.http.get(f"{person}/score", headers={**own, "If-None-Match": tag})).status_code == 304


async def test_a_subscriber_sees_a_person_while_that_is_permitted_and_each_look_is_in_the_ledger(
    deployment: Deployment, portal: Portal
) -> None:
    user_id = await report(deployment, 2, paid("p1"), no_show("r2", "n2"))
    own, person = portal.own(user_id), f"/v1/people/{user_id}"
    await portal.until(f"{person}/standing", own)
    await portal.until(f"{person}/records", own, holds=lambda told: bool(told["records"]))
    firm, other = await portal.key("rental-firm", "standing", "records"), await portal.key("bank", "standing", "score")
    for who in (firm, other):
        assert (await portal.until(f"{person}/standing", who, 403)).json()["code"] == "no-permission"
    permit = await portal.http.post(f"{person}/permissions", headers=own, json={"subscriber": "rental-firm"})
    assert permit.status_code == 204
    assert (await portal.get(f"{person}/standing", firm))["user_id"] == user_id
    # The person has not known of the record for long enough (rules R27).
    assert (await portal.get(f"{person}/records", firm))["records"] == []
    assert (await portal.until(f"{person}/score", firm, 403)).json()["code"] == "no-scope"
    assert (await portal.until(f"{person}/standing", other, 403)).json()["code"] == "no-permission"
    looks = (await portal.get(f"{person}/access", own))["looks"]
    assert [(each["who"], each["what"]) for each in looks] == [
        ("rental-firm", "records"),
        ("rental-firm", "standing"),
    ]
    assert (await portal.http.delete(f"{person}/permissions/rental-firm", headers=own)).status_code == 204
    await portal.until(f"{person}/standing", firm, 403)
    # All of it is in the export, with the free report that the export is; and nothing of anybody else.
    code, printed = await command(deployment, "subject", "export", sample_account(2), "--json")
    assert code == 0, printed
    document = json.loads(printed)
    assert [(each["subscriber"], bool(each["withdrawn_at"])) for each in document["permissions"]] == [
        ("rental-firm", True)
    ]
    assert [(each["who"], each["what"]) for each in document["looks"]] == [
        ("rental-firm", "standing"),
        ("rental-firm", "records"),
    ]
    assert [each["year"] for each in document["free_reports"]] == [NOW.astimezone(_ZONE).year]
    # What was granted on the page is handed over as the one report that it counts as.
    taken = (await portal.http.post(f"{person}/exports", headers=own)).json()["request_id"]
    await portal.until(
        f"{person}/answers",
        own,
        holds=lambda told: taken in {one["said"].get("request_id") for one in told["answers"]},
    )
    of_it = ("subject", "export", sample_account(2), "--request")
    code, printed = await command(deployment, *of_it, taken[:8].upper(), "--json")
    assert code == 0, printed
    free = [each["request_id"] for each in json.loads(printed)["free_reports"]]
    assert (len(free), free.count(taken)) == (2, 1)
    assert (await command(deployment, *of_it, f"{taken}0"))[0] == 1
    code, printed = await command(deployment, "subject", "export", sample_account(9), "--json")
    assert (code, [json.loads(printed)[name] for name in ("permissions", "looks")]) == (0, [[], []])


async def test_a_consent_is_in_the_ledger_until_and_after_it_is_taken_back(
    deployment: Deployment, portal: Portal
) -> None:
    given = rfc3339(NOW - timedelta(days=40))
    figure = {
        **_head("c1", TYPES[BehaviorEvent]),
        "data": {
            "kind": "provident_fund.contribution",
            "amount": 90_000,
            "consent": {"id": "consent-1", "purpose": "credit-standing", "given_at": given},
        },
    }
    user_id = await report(deployment, 6, figure)
    own, consents = portal.own(user_id), f"/v1/people/{user_id}/consents"
    told = (await portal.until(consents, own, holds=lambda told: bool(told["consents"]))).json()["consents"]
    assert told == [
        {
            "partner": "city",
            "consent_id": "consent-1",
            "purpose": "credit-standing",
            "given_at": given,
            "withdrawn_at": None,
        }
    ]
    back = {"partner": "city", "consent_id": "consent-1"}
    taken = await portal.http.post(f"/v1/people/{user_id}/withdrawals", headers=own, json=back)
    assert taken.status_code == 202
    told = (await portal.until(consents, own, holds=lambda told: told["consents"][0]["withdrawn_at"])).json()
    assert [each["given_at"] for each in told["consents"]] == [given]
    assert (await portal.until(consents, await portal.key("nosy", "standing"), 403)).json()["code"] == "not-permitted"


async def test_a_dispute_and_an_erasure_that_are_asked_for_here_are_done_and_nothing_is_left(
    deployment: Deployment, portal: Portal
) -> None:
    user_id = await report(deployment, 3, paid("p1"), no_show("r1", "n3"))
    own, person = portal.own(user_id), f"/v1/people/{user_id}"
    await portal.until(f"{person}/score", own)
    held = await portal.until(f"{person}/records", own, holds=lambda told: bool(told["records"]))
    records = held.json()["records"]
    dispute = {"record_id": records[0]["record_id"], "reason": "paid"}
    assert (await portal.http.post(f"{person}/disputes", headers=own, json=dispute)).status_code == 202
    held = await portal.until(f"{person}/records", own, holds=lambda told: told["records"][0]["status"] == "disputed")
    assert held.json()["records"][0]["said_against"] == [{"reason": "paid", "text": None}]
    answers = f"{person}/answers"
    await portal.until(
        answers, own, holds=lambda told: any(one["said"].get("code") == "asked" for one in told["answers"])
    )
    code, printed = await command(deployment, "subject", "export", sample_account(3), "--json")
    assert code == 0, printed
    document = json.loads(printed)
    assert [each["request"] for each in document["asked"]] == ["dispute"]
    assert "asked" in {each["said"].get("code") for each in document["told"]}
    # A subscriber who is never reached must be told that the person is erased.
    db = await asyncpg.connect(deployment.dsn(PORTAL))
    await sending.add(db, "unreached", "http://127.0.0.1:9/", datetime.now(UTC), allows_private=True)
    await portal.key("unreached", "standing")
    permit = {"subscriber": "unreached"}
    assert (await portal.http.post(f"{person}/permissions", headers=own, json=permit)).status_code == 204
    async with asking_for(deployment.kafka, user_id) as asking:
        asked = await portal.http.post(f"{person}/erasures", headers=own)
        assert asked.status_code == 202
        erasure = Asked(user_id, asked.json()["request_id"], SubjectRequest(request="erase"))
        receipt = await receipt_of(asking, erasure)
    assert (receipt.stores[-1], (receipt.leaving or ())[-1]) == ("portal", "webhooks")
    # The person reads it where the erasure was asked for.
    await portal.http.get(f"/enter/{own['Authorization'].removeprefix('Bearer ')}")
    assert receipt_in((await portal.until("/me/receipt.json", {})).json()) == (user_id, receipt)
    portal.http.cookies.clear()
    assert await verify(deployment, user_id, receipt) == Verified(True, (), untold=1)
    await db.execute("update delivery set message = 'b/1'")
    assert await verify(deployment, user_id, receipt) == Verified(True, ("portal.delivery",))
    await db.execute("delete from webhook where subscriber = 'unreached'")
    await db.close()
    assert await verify(deployment, user_id, receipt) == Verified(True, ())
    await portal.until(f"{person}/score", own, 404)
    assert (await portal.get(f"{person}/access", own))["looks"] == []
    # Who comes back is somebody new.
    assert await report(deployment, 3, paid("p2")) == user_id
    told = (await portal.until(f"{person}/score", own)).json()
    assert told["version"] == 1


@pytest.mark.parametrize(("number", "service"), [(11, "retention"), (12, "scorer"), (13, "benefits")])
async def test_an_erasure_that_a_service_finds_at_its_start_ends_in_the_portal_too(
    deployment: Deployment, portal: Portal, number: int, service: ServiceName
) -> None:
    """(rules I11) A service follows such an erasure before it reads on, so before its turn among what is read."""
    user_id = await report(deployment, number, paid(f"p{number}"), no_show(f"n{number}", f"room {number}"))
    own, person = portal.own(user_id), f"/v1/people/{user_id}"
    await portal.until(f"{person}/records", own, holds=lambda told: bool(told["records"]))
    process = deployment.process(service)
    await asyncio.to_thread(process.stop)
    async with asking_for(deployment.kafka, user_id) as asking:
        erasure = await asking.ask(SubjectRequest(request="erase"), NOW)
        await asyncio.to_thread(process.start)
        receipt = await receipt_of(asking, erasure)
    assert await verify(deployment, user_id, receipt) == Verified(True, ())
    await portal.until(f"{person}/records", own, 404)


async def test_of_a_record_that_is_deleted_nothing_is_kept_but_that_it_is(
    deployment: Deployment, portal: Portal
) -> None:
    """(rules D8 and R16) And what `receipt verify` looks for is found as long as it is there."""
    user_id = await report(deployment, 14, paid("p14"), no_show("r14", "n14"))
    own, person = portal.own(user_id), f"/v1/people/{user_id}"
    held = await portal.until(f"{person}/records", own, holds=lambda told: bool(told["records"]))
    id = held.json()["records"][0]["record_id"]
    await portal.until(f"{person}/answers", own, holds=lambda told: bool(told["answers"]))
    key = bytes.fromhex(deployment.settings.fingerprint_key)
    receipt = read(ErasureReceipt, encode(record_receipt(user_id, id, RecordClass.LIFE, NOW, key, has_portal=True)))
    assert isinstance(receipt, ErasureReceipt)
    everywhere = ("retention.current", "scorer.present", "portal.person", "portal.told")
    assert await verify(deployment, user_id, receipt) == Verified(True, everywhere)
    data = {"kind": "hotel.no_show", "report_id": "n14", "status": "resolved", "outcome": "deleted"}
    await report(deployment, 14, {**_head("d14", TYPES[RecordReport]), "data": data})
    await portal.until(f"{person}/records", own, holds=lambda told: not told["records"])
    told = await portal.until(
        f"{person}/answers", own, holds=lambda told: any(one["said"].get("outcome") for one in told["answers"])
    )
    assert [(one["said"]["notice"], one["said"].get("kind")) for one in told.json()["answers"]] == [
        ("record-answered", None)
    ]
    async with asyncio.timeout(PATIENCE_S):
        while True:
            if await verify(deployment, user_id, receipt) == Verified(True, ()):
                break
            await asyncio.sleep(0.1)  # nobody tells how far the scorer has read: it has to be asked


async def test_a_partner_sends_over_http_and_learns_what_becomes_of_each_event(
    deployment: Deployment, portal: Portal
) -> None:
    city = await portal.key("city", "events", role="partner")
    account, events = sample_account(4), "/v1/events/city"
    user_id = user_id_of(account, deployment.settings)
    structured = {**city, "Content-Type": STRUCTURED}

    async def post(body: Mapping[str, Any]) -> httpx.Response:
        content = json.dumps({**body, "subject": account})
        return await portal.http.post(events, headers=structured, content=content)

    first = await post(paid("over/http 1"))
    assert first.status_code == 202, first.text
    assert first.json()["events"] == [{"event_id": "over/http 1", "result": "accepted"} | dict.fromkeys(_WHY)]
    # In binary mode the attributes are headers.
    head = {**_head("over-http-2", TYPES[BehaviorEvent]), "subject": account}
    binary = {**city, "Content-Type": "application/json", **{f"ce-{name}": text for name, text in head.items()}}
    second = await portal.http.post(events, headers=binary, content=json.dumps(paid("")["data"]))
    assert second.status_code == 202, second.text
    # One person's events are on one partition, in their order.
    at, then = first.json()["position"], second.json()["position"]
    assert (at["partition"], at["offset"] + 1) == (then["partition"], then["offset"])
    for id, position in (("over%2Fhttp%201", at), ("over-http-2", then)):
        told = await portal.until(f"{events}/{id}", city, holds=lambda told: told["result"] != "waiting")
        assert (told.json()["result"], told.json()["position"]) == ("accepted", position)
    own = portal.own(user_id)
    await portal.until(f"/v1/people/{user_id}/score", own)
    # Once more, as after an answer that was lost: it counts once, and is still accepted.
    again = (await post(paid("over/http 1"))).json()["position"]
    told = await portal.until(f"{events}/over%2Fhttp%201", city, holds=lambda told: told["position"] == again)
    assert told.json()["result"] in ("waiting", "accepted")
    # Another one under the same id is refused by a service behind ingest.
    other = paid("over/http 1")
    other["data"]["amount"] = 9_001
    assert (await post(other)).status_code == 202
    told = await portal.until(f"{events}/over%2Fhttp%201", city, holds=lambda told: told["result"] == "refused")
    assert told.json()["code"] == "conflict"
    assert told.json()["sentence"]


async def test_the_verdict_of_an_event_that_was_refused_on_kafka_and_of_one_that_nobody_knows(
    deployment: Deployment, portal: Portal
) -> None:
    city, bank = [await portal.key(name, "events", role="partner") for name in ("city", "bank")]
    wrong = json.dumps({**paid("on-kafka-1"), "subject": sample_account(5), "type": "no.such.type"}).encode()
    sent = await send(
        deployment.addresses.kafka, "city", [Line(1, wrong, None)], PATIENCE_S, operator=deployment, now=NOW
    )
    # Refusals are looked for once a second: somebody may have asked a moment before this one came.
    told = (await portal.until("/v1/events/city/on-kafka-1", city)).json()
    assert (told["result"], told["code"], told["sentence"]) == (
        "refused",
        sent.verdicts[0].code,
        sent.verdicts[0].sentence,
    )
    assert (await portal.until("/v1/events/city/never-sent", city, 404)).json()["code"] == "not-found"
    # What a stranger's transaction hides of the refusals keeps nobody waiting who asks, and "accepted" is not said.
    structured = {**city, "Content-Type": STRUCTURED}
    good = json.dumps({**paid("on-kafka-2"), "subject": sample_account(5)})
    async with left_open(deployment.addresses.kafka, TopicPartition(rejected_topic("city"), 0)):
        assert (await portal.http.post("/v1/events/city", headers=structured, content=good)).status_code == 202
        for _ in range(2):
            told = (await portal.until("/v1/events/city/on-kafka-2", city)).json()
            assert told["result"] == "waiting"
    await portal.until("/v1/events/city/on-kafka-2", city, holds=lambda told: told["result"] == "accepted")
    assert (await portal.until("/v1/events/city/on-kafka-1", bank, 403)).json()["code"] == "not-permitted"
    db = await asyncpg.connect(deployment.dsn(PORTAL))
    kept = repr(await db.fetch("select * from event"))
    await db.close()
    assert "on-kafka-1" not in kept
    assert sample_account(5) not in kept


async def test_an_operator_sees_what_was_refused_and_what_was_set_aside(deployment: Deployment, portal: Portal) -> None:
    line = Line(
        1, json.dumps({**paid("on-kafka-3"), "subject": sample_account(7), "type": "no.such.type"}).encode(), None
    )
    sent = await send(deployment.addresses.kafka, "city", [line], PATIENCE_S, operator=deployment, now=NOW)
    refused = sent.verdicts[0].code
    async with started(deployment.kafka) as producer:
        for origin in ("behavior.normalized/0/7", "behavior.normalized/0/8"):
            headers = set_aside_headers("scorer", origin, "unreadable", "Nobody can read it.")
            await producer.send_and_wait(dead_letter_topic("scorer"), b"", headers=list(headers))
        gone = list(dismissed_headers("behavior.normalized/0/8"))
        await producer.send_and_wait(dead_letter_topic("scorer"), b"", headers=gone)
    await portal.http.get(link_for(deployment, "operator", "anna", 1))
    async with asyncio.timeout(PATIENCE_S):
        while True:
            page = (await portal.http.get("/desk")).text
            if f"<td>city</td><td>{refused}</td>" in page and "<td>scorer</td><td>unreadable</td><td>1</td>" in page:
                break
            await asyncio.sleep(0.1)  # it is read beside the page, which says so
    portal.http.cookies.clear()


async def test_processes_that_read_the_same_refusals_count_each_once(deployment: Deployment) -> None:
    at = TopicPartition(rejected_topic("city"), 0)
    async with asyncpg.create_pool(deployment.dsn(PORTAL), min_size=1, max_size=4) as pool:
        await pool.execute("delete from refusals_read")
        await pool.execute("delete from refusal_count")
        processes = [Verdicts(pool, deployment.kafka, b"k" * 32) for _ in range(3)]
        await asyncio.gather(*(each.read_on("city") for each in processes))
        async with asking(deployment.kafka) as offsets:
            kept = (await offsets.kept([at.topic]))[at]
        refusals = [each async for each in between(deployment.kafka, {at: kept.start}, {at: kept.stop})]
        assert refusals
        assert await pool.fetchval("select sum(count) from refusal_count") == len(refusals)


async def receipt_of(asking: Asking, erasure: Asked) -> ErasureReceipt:
    async for each in asking.answers(erasure, PATIENCE_S):
        if isinstance(each, ErasureReceipt):
            return each
    raise AssertionError("no receipt has come")
