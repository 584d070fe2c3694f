"""The portal on real servers: what the services say reaches it, who may see it, and an erasure waits for it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import httpx
import pytest

from goodstanding.partner.sending import send
from goodstanding.partner.verdicts import Line
from goodstanding.person.asking import Asked, Asking, asking_for
from goodstanding.person.receipts import Verified, verify
from goodstanding.person.score import published
from goodstanding.person.user_id import user_id_of
from goodstanding.platform.deployment import Deployment
from goodstanding.platform.fixed_settings import FixedSettings
from goodstanding.platform.stack import passing
from goodstanding.portal import keys, tokens
from goodstanding.portal.hooks import sending
from services.scorer.core import score
from shared.contracts.identity import sample_account
from shared.contracts.messages import TYPES, BehaviorEvent, RecordReport
from shared.contracts.subject import ErasureReceipt, SubjectRequest
from shared.contracts.times import rfc3339
from shared.contracts.topics import PORTAL

PATIENCE_S = 60.0
NOW = datetime.now(UTC).replace(microsecond=0)


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

    async def key(self, name: str, *scopes: str) -> dict[str, str]:
        db = await asyncpg.connect(self.deployment.dsn(PORTAL))
        try:
            made = await keys.make(db, "subscriber", name, scopes, NOW)
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
    assert (record["partner"], record["report_id"], record["status"]) == ("city", "n1", "open")
    assert not record["counts"]
    assert datetime.fromisoformat(record["counts_from"]) > NOW + timedelta(days=6)
    assert (await portal.get(f"{person}/hints", own))["next_tier"] is not None
    tag = (await portal.until(f"{person}/score", own)).headers["etag"]
    assert (await portal.http.get(f"{person}/score", headers={**own, "If-None-Match": tag})).status_code == 304


async def test_a_subscriber_sees_a_person_while_that_is_permitted_and_each_look_is_in_the_ledger(
    deployment: Deployment, portal: Portal
) -> None:
    user_id = await report(deployment, 2, paid("p1"))
    own, person = portal.own(user_id), f"/v1/people/{user_id}"
    await portal.until(f"{person}/standing", own)
    firm, other = await portal.key("rental-firm", "standing"), await portal.key("bank", "standing", "score")
    for who in (firm, other):
        assert (await portal.until(f"{person}/standing", who, 403)).json()["code"] == "no-permission"
    permit = await portal.http.post(f"{person}/permissions", headers=own, json={"subscriber": "rental-firm"})
    assert permit.status_code == 204
    assert (await portal.get(f"{person}/standing", firm))["user_id"] == user_id
    assert (await portal.until(f"{person}/score", firm, 403)).json()["code"] == "no-scope"
    assert (await portal.until(f"{person}/standing", other, 403)).json()["code"] == "no-permission"
    looks = (await portal.get(f"{person}/access", own))["looks"]
    assert [(each["who"], each["what"]) for each in looks] == [("rental-firm", "standing")]
    assert (await portal.http.delete(f"{person}/permissions/rental-firm", headers=own)).status_code == 204
    await portal.until(f"{person}/standing", firm, 403)


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
    await portal.until(f"{person}/records", own, holds=lambda told: told["records"][0]["status"] == "disputed")
    answers = f"{person}/answers"
    await portal.until(
        answers, own, holds=lambda told: any(one["said"].get("code") == "asked" for one in told["answers"])
    )
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
    assert (receipt.stores[-1], receipt.leaving) == ("portal", ("webhooks",))
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


async def receipt_of(asking: Asking, erasure: Asked) -> ErasureReceipt:
    async for each in asking.answers(erasure, PATIENCE_S):
        if isinstance(each, ErasureReceipt):
            return each
    raise AssertionError("no receipt has come")
