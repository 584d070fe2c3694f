"""The desk's pages over a real Postgres: what risk and operators see of everybody, and that others do not."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from goodstanding.portal import ledger
from goodstanding.portal.desk import counts
from goodstanding.portal.tokens import Role
from shared.settings import ROOT
from tests.integration.portal_stand import ME, SOMEBODY, Stand, link, stands
from tests.support.portal_views import NOW

PATIENCE_S = 30.0


@pytest.fixture
async def stand(postgres_dsn: str, tmp_path: Path) -> AsyncIterator[Stand]:
    """With a tier table that is announced, by which nobody has a tier any more."""
    place = Path(shutil.copytree(ROOT / "policies", tmp_path / "policies"))
    table = (place / "benefits.toml").read_text(encoding="utf-8")
    day = (NOW + timedelta(days=30)).date().isoformat()
    table = table.replace('name = "start"', f'name = "out-of-reach"\neffective_on = {day}')
    for number, begin in enumerate((600, 650, 700, 750)):
        table = table.replace(f"from = {begin}\n", f"from = {940 + number}\n")
    (place / "benefits-out-of-reach.toml").write_text(table, encoding="utf-8")
    async with stands(postgres_dsn, place) as made:
        yield made


async def at(stand: Stand, role: Role) -> str:
    stand.http.cookies.clear()
    await stand.enter(link("anna", role=role))
    return (await stand.http.get("/desk")).text


async def test_risk_sees_who_would_cross_a_tier_by_what_is_announced(stand: Stand) -> None:
    page = await at(stand, "risk")
    assert "out-of-reach, in force from" in page
    assert "Judge everybody by it" in page
    announced = stand.office.desk.previews.announced(NOW.date())
    assert [each.name for each in announced] == ["out-of-reach"]
    fields = {"policy": announced[0].id, "word": await stand.form_word("/desk")}
    assert (await stand.http.post("/desk/preview", data=fields)).status_code == 303
    async with asyncio.timeout(PATIENCE_S):
        run = stand.office.desk.previews.runs[announced[0].id]
        assert run.task is not None
        await run.task
    page = (await stand.http.get("/desk")).text
    assert "2 people judged" in page
    assert sum(run.crossings.values()) == 2
    assert all(crossing.before and crossing.after is None for crossing in run.crossings)
    assert "\u2192 no tier" in page
    assert ME not in page
    # Both were published last in the same month.
    found = await counts.distribution(stand.db)
    assert [people for _, people in found.publications] == [2]


async def test_what_is_not_announced_or_comes_from_elsewhere_starts_nothing(stand: Stand) -> None:
    [announced] = stand.office.desk.previews.announced(NOW.date())
    await at(stand, "risk")
    word = await stand.form_word("/desk")
    for policy in ("", "start@0123456789ab", "<script>"):
        assert (await stand.http.post("/desk/preview", data={"policy": policy, "word": word})).status_code == 404
    assert (await stand.http.post("/desk/preview", data={"policy": announced.id})).status_code == 403
    for role in ("support", "operator"):
        await at(stand, role)
        assert (await stand.http.post("/desk/preview", data={"policy": announced.id, "word": word})).status_code == 403
    assert stand.office.desk.previews.runs == {}


async def test_an_operator_sees_refusals_and_erasures_that_have_not_come_through(stand: Stand) -> None:
    await stand.db.execute(
        "insert into refusal_count (partner, day, code, count) values ('bank', current_date, 'unknown-field', 3),"
        " ('bank', current_date - 1, 'unknown-field', 4), ('bank', current_date - 31, 'json-syntax', 9)"
    )
    await ledger.note_asked(stand.db, ME, "r-1", "erase", None, NOW)
    await ledger.note_asked(stand.db, SOMEBODY, "r-2", "export", None, NOW)
    await stand.db.execute(
        "insert into ending (shard, user_id, request_id, asked_at, parts)"
        " select shard, user_id, request_id, at, array['score'] from asked where request_id = 'r-1'"
    )
    work = await counts.work(stand.db)
    assert work.refusals == [("bank", "unknown-field", 7)]
    assert work.erasures == [(NOW, "score")]
    await stand.db.execute("delete from ending")
    assert (await counts.work(stand.db)).erasures == [(NOW, "")], "asked for, and no part of it has come yet"
    page = await at(stand, "operator")
    assert "unknown-field" in page
    assert "json-syntax" not in page
    assert ME not in page
