"""Attacks on the portal, as a table: each is tried on the whole application, over a real Postgres, and gets nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import cast

import msgspec
import pytest

from goodstanding.person.receipts import receipt_in
from goodstanding.portal import keys, ledger, tokens
from goodstanding.portal.people import key_of
from goodstanding.portal.web.limits import Limit
from goodstanding.portal.web.office import _FAILURES_PER_MINUTE
from goodstanding.portal.web.wording import refused, word
from services.scorer.core.reasons.figures import day
from shared.contracts.erasure import keyed_name
from shared.contracts.messages import TYPES, BehaviorEvent, encode
from shared.contracts.partition import partition_of
from shared.contracts.subject import ErasureReceipt
from shared.contracts.times import rfc3339
from tests.integration.portal_stand import KEY, ME, NOBODY, OTHER_KEY, SOMEBODY, Stand, link, write
from tests.support.portal_views import NOW

SCORES = "/v1/people/{}/score"
STRUCTURED = {"Content-Type": "application/cloudevents+json"}
EVENT = msgspec.json.encode(
    {
        "specversion": "1.0",
        "id": "e1",
        "source": "https://city.example",
        "type": TYPES[BehaviorEvent],
        "subject": "GS000000000195",
        "time": rfc3339(NOW),
        "data": {"kind": "water.bill", "days_late": 0, "amount": 9000},
    }
)
READINGS = ("standing", "score", "reasons", "hints", "records", "history")


# -- who asks ----------------------------------------------------------------------------------------------------------


async def test_whoever_has_no_key_or_a_wrong_one_sees_nothing(stand: Stand) -> None:
    key = await stand.key("score")
    session = tokens.signed(tokens.made("session", "person", ME, datetime.now(UTC) + timedelta(hours=1)), b"x" * 32)
    wrong = ["", "gsk_", key[:-1], key[:-1] + ("a" if key[-1] != "a" else "b"), key.upper(), link(ME, seconds=-1)]
    wrong += [link(ME, key=OTHER_KEY), link(ME)[:-1], session, "' or 1=1 --", "a" * 8_000]
    for bearer in wrong:
        assert await stand.status(SCORES.format(ME), bearer) == 401, bearer
    assert await stand.status(SCORES.format(ME), key) == 200


async def test_nobody_sees_another_person_and_cannot_tell_who_is_known(stand: Stand) -> None:
    own, key = link(ME), await stand.key(*READINGS)
    for part in READINGS:
        for who in (SOMEBODY, NOBODY):
            for bearer in (own, key):
                answer = await stand.http.get(f"/v1/people/{who}/{part}", headers={"Authorization": f"Bearer {bearer}"})
                assert answer.status_code == 403
                assert who not in answer.text
    for path, method in (("disputes", "POST"), ("erasures", "POST"), ("access", "GET"), ("permissions", "POST")):
        assert await stand.status(f"/v1/people/{SOMEBODY}/{path}", own, method) == 403
    # A subscriber asks nothing in a person's name, even of one who lets it look.
    for path, method in (("disputes", "POST"), ("erasures", "POST"), ("access", "GET"), ("answers", "GET")):
        assert await stand.status(f"/v1/people/{ME}/{path}", key, method) == 403


async def test_a_scope_is_for_one_reading_and_a_look_that_was_refused_is_in_no_ledger(stand: Stand) -> None:
    for scope in READINGS:
        key = await stand.key(scope)
        for part in READINGS:
            assert await stand.status(f"/v1/people/{ME}/{part}", key) == (200 if part == scope else 403)
    stranger = await stand.key(*READINGS, permitted=False)
    before = len(await ledger.looks(stand.db, ME))
    assert before == len(READINGS)
    assert await stand.status(SCORES.format(ME), stranger) == 403
    assert len(await ledger.looks(stand.db, ME)) == before


async def test_a_partner_sends_and_asks_for_itself_and_sees_nobody(stand: Stand) -> None:
    """There is no Kafka here, so whoever is let through gets 503."""
    city, bank = await stand.partners_key("city", "events"), await stand.partners_key("bank", "events")
    without, firm = await stand.partners_key("city"), await stand.key(*READINGS)
    for path, method in (("/v1/events/city", "POST"), ("/v1/events/city/e1", "GET"), ("/v1/events/city/a%2Fb", "GET")):
        for bearer in (bank, without, firm, link(ME), link(SOMEBODY)):
            assert await stand.status(path, bearer, method, content=EVENT, headers=STRUCTURED) == 403
        assert await stand.status(path, method=method) == 401
        assert await stand.status(path, city, method, content=EVENT, headers=STRUCTURED) == 503
    for part in READINGS:
        assert await stand.status(f"/v1/people/{ME}/{part}", city) == 403
    nameless = await stand.partners_key("nobody", "events")
    for name in ("nobody", "..%2F..%2Fetc%2Fpasswd", "%00", "City"):
        assert await stand.status(f"/v1/events/{name}", nameless, "POST", content=EVENT) in (403, 404, 405)


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        (b"{", STRUCTURED, 422, "json-syntax"),
        (b"", STRUCTURED, 422, "json-syntax"),
        (EVENT, {}, 422, "envelope-missing"),
        (EVENT.replace(b"water.bill", b"water.bull"), STRUCTURED, 422, "unknown-kind"),
        (EVENT.replace(b"9000", b"-1"), STRUCTURED, 422, "out-of-bounds"),
        (EVENT.replace(b'"id":"e1"', b'"id":"e1-GS000000000195"'), STRUCTURED, 422, "names-person"),
        (EVENT + b" " * 70_000, STRUCTURED, 422, "too-large"),
        (EVENT + b" " * 1_100_000, STRUCTURED, 413, "too-large"),
    ],
)
async def test_an_event_that_ingest_would_refuse_never_reaches_kafka(
    stand: Stand, body: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    bearer = {"Authorization": f"Bearer {await stand.partners_key('city', 'events')}"}
    answer = await stand.http.post("/v1/events/city", content=body, headers={**headers, **bearer})
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert "GS000000000195" not in answer.text


async def test_a_key_that_was_revoked_opens_nothing_more(stand: Stand) -> None:
    key = await stand.key("score")
    assert await stand.status(SCORES.format(ME), key) == 200
    await keys.revoke(stand.db, key.split("_")[1], NOW)
    assert await stand.status(SCORES.format(ME), key) == 401
    rows = await stand.db.fetch("select * from api_key")
    assert key.split("_", 2)[2] not in repr(rows), "only a hash is kept"


async def test_who_guesses_is_slowed_down(stand: Stand) -> None:
    answers = [await stand.status(SCORES.format(ME), f"gsk_{n:012x}_{'a' * 43}") for n in range(60)]
    assert answers.count(401) <= 31
    assert answers[-1] == 429
    assert (await stand.http.get("/enter/guess")).status_code == 429
    # Whoever comes by the same address, such as that of a proxy, and has a link is not kept out.
    assert await stand.status(SCORES.format(ME), link(ME)) == 200
    assert (await stand.enter(link(ME))).status_code == 303


async def test_who_opens_a_link_again_may_not_ask_more_often(stand: Stand) -> None:
    """Or somebody at a desk copies everybody, six hundred at a time."""
    token = link("anna", role="support")
    object.__setattr__(stand.office, "asked", Limit(4))
    statuses = []
    for _ in range(3):
        await stand.enter(token)
        statuses += [(await stand.http.get("/desk")).status_code for _ in range(2)]
    assert statuses == [200, 200, 200, 200, 429, 429]


def test_of_a_million_guesses_nearly_none_is_looked_at() -> None:
    """A thousand a second from one address, and many from one address after the other."""
    failed = Limit(_FAILURES_PER_MINUTE)
    assert sum(failed.wait_s("a", number / 1_000) == 0 for number in range(1_000_000)) <= 30 + 1_000 * 30 / 60
    # Each address of its own has a few, and no number of them fills the memory.
    assert all(failed.wait_s(str(number), 0) == 0 for number in range(30_000))
    assert len(failed) <= 20_000


@pytest.mark.parametrize(
    "who", ["", "..", "1", ME[:-1], ME + "0", ME.upper().replace("1", "G"), "%00" * 32, "' or 1=1"]
)
async def test_what_is_no_user_id_is_found_nowhere(stand: Stand, who: str) -> None:
    assert await stand.status(SCORES.format(who), link(ME)) in (403, 404)


# -- what is sent ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"{", "application/json", 400),
        (b"\xff", "application/json", 400),
        (b"[]", "application/json", 422),
        (b'{"subscriber": 1}', "application/json", 422),
        (b'{"subscriber": "x", "more": 1}', "application/json", 422),
        (b'{"subscriber": "nobody"}', "application/json", 422),
        (b'{"subscriber": "a\\r\\nSet-Cookie: a=b"}', "application/json", 422),
        (b'{"subscriber": "x"}', "text/plain", 415),
        (b"subscriber=x", "application/x-www-form-urlencoded", 415),
        (b" " * 70_000, "application/json", 413),
        (b"[" * 60_000, "application/json", 422),
    ],
)
async def test_a_body_that_is_not_taken(stand: Stand, body: bytes, content_type: str, status: int) -> None:
    headers = {"Authorization": f"Bearer {link(ME)}", "Content-Type": content_type}
    answer = await stand.http.post(f"/v1/people/{ME}/permissions", headers=headers, content=body)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_text_with_an_identifier_is_refused_with_the_contracts_own_code(stand: Stand) -> None:
    headers = {"Authorization": f"Bearer {link(ME)}"}
    dispute = {"record_id": "7d", "reason": "other", "text": "call me at 13812345678901"}
    answer = await stand.http.post(f"/v1/people/{ME}/disputes", headers=headers, json=dispute)
    assert (answer.status_code, answer.json()["code"]) == (422, "names-person")
    assert "13812345678901" not in answer.text
    many = {**dispute, "text": "word " * 150}
    answer = await stand.http.post(f"/v1/people/{ME}/disputes", headers=headers, json=many)
    assert (answer.status_code, answer.json()["code"]) == (422, "too-many-words")


@pytest.mark.parametrize(
    ("path", "sent", "code"),
    [
        ("statements", {"record_id": "7d", "text": "w" * 2_000}, "text-length"),
        ("statements", {"record_id": "7d", "text": ""}, "text-length"),
        ("statements", {"record_id": "7d", "text": "two\nlines"}, "text-form"),
        ("statements", {"record_id": "7d", "text": "paid\u202eon time"}, "text-form"),
        ("statements", {"record_id": "7" * 5_000, "text": "Words."}, "text-length"),
        ("disputes", {"record_id": "7d", "reason": "because"}, "unknown-value"),
        ("disputes", {"record_id": "7d", "reason": "other"}, "field-required-by-kind"),
        ("withdrawals", {"partner": "p\u0000", "consent_id": "c"}, "text-form"),
        ("withdrawals", {"partner": "", "consent_id": "c"}, "text-length"),
    ],
)
async def test_a_request_that_the_contract_does_not_take(
    stand: Stand, path: str, sent: dict[str, str], code: str
) -> None:
    """By the interface and by the form of the page; neither quotes what was sent."""
    headers = {"Authorization": f"Bearer {link(ME)}"}
    answer = await stand.http.post(f"/v1/people/{ME}/{path}", headers=headers, json=sent)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    await stand.enter(link(ME))
    form = {**sent, "word": await stand.form_word()}
    page = await stand.http.post(f"/me/{path}", data=form, headers={"Accept-Language": "zh"})
    # What a form has at its ends or between its lines is blanks, which it takes for one.
    if code != "text-form" or "\n" not in sent.get("text", ""):
        assert page.status_code == 422
        assert word("not_sent", "zh", why="") in page.text
        assert answer.json()["detail"] not in page.text, "the reason is said in the language of the page"


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "TRACE", "OPTIONS"])
async def test_no_other_method_does_anything(stand: Stand, method: str) -> None:
    assert await stand.status(SCORES.format(ME), link(ME), method) == 405


# -- pages -------------------------------------------------------------------------------------------------------------


async def test_a_link_opens_the_page_once_it_is_no_longer_in_the_address(stand: Stand) -> None:
    entered = await stand.enter(link(ME))
    assert (entered.status_code, entered.headers["location"]) == (303, "/me")
    cookie = entered.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    page = await stand.http.get("/me")
    assert page.status_code == 200
    assert ME not in page.text, "it names nobody"
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize(
    "token",
    [
        link(ME, seconds=-1),
        link(ME, key=OTHER_KEY),
        link(ME)[:-2],
        "x",
        "..%2f..%2fetc%2fpasswd",
        "%0d%0aset-cookie:%20a=b",
        tokens.signed(tokens.made("session", "person", ME, datetime.now(UTC) + timedelta(hours=1)), bytes.fromhex(KEY)),
    ],
)
async def test_a_link_that_expired_or_was_altered_opens_nothing(stand: Stand, token: str) -> None:
    entered = await stand.enter(token)
    assert entered.status_code in (403, 404)
    assert "set-cookie" not in entered.headers
    assert (await stand.http.get("/me")).status_code == 401


async def test_a_form_of_another_site_or_session_does_nothing(stand: Stand) -> None:
    await stand.key("score", permitted=False)
    await stand.enter(link(ME))
    word = await stand.form_word()
    [subscriber] = await ledger.subscribers(stand.db)
    form = {"subscriber": subscriber}
    foreign = {"Origin": "https://evil.example"}
    for sent, headers in (
        (form, {}),
        ({**form, "word": ""}, {}),
        ({**form, "word": "f" * 64}, {}),
        ({**form, "word": word}, foreign),
    ):
        assert (await stand.http.post("/me/permissions", data=sent, headers=headers)).status_code == 403
    await stand.enter(link(ME))
    assert (await stand.http.post("/me/permissions", data={**form, "word": word})).status_code == 403, "another session"
    for language in ("en", "zh"):
        old = await stand.http.post(
            "/me/permissions", data={**form, "word": word}, headers={"Accept-Language": language}
        )
        assert refused("foreign-form", "", "zh" if language == "zh" else "en") in old.text, "people get a page"
    assert await ledger.permissions(stand.db, ME) == []
    done = await stand.http.post("/me/permissions", data={**form, "word": await stand.form_word()})
    assert done.status_code == 303
    assert [each.subscriber for each in await ledger.permissions(stand.db, ME)] == [subscriber]


async def test_what_partners_wrote_is_text_on_the_page(stand: Stand) -> None:
    await stand.enter(link(ME))
    for language in ("en", "zh"):
        page = (await stand.http.get(f"/me?language={language}")).text
        assert "<script" not in page
        assert "&lt;script&gt;alert(1)" in page
    reflected = await stand.http.get("/me?sent=%3Cscript%3Ealert(1)%3C/script%3E&language=%3Cscript%3E")
    assert "<script" not in reflected.text


async def test_what_was_sent_is_said_once(stand: Stand) -> None:
    await stand.enter(link(ME))
    form = {"subscriber": "bank-of-cars", "word": await stand.form_word()}
    await keys.make(stand.db, "subscriber", "bank-of-cars", ("standing",), NOW)
    sent = await stand.http.post("/me/permissions", data=form)
    assert (sent.status_code, sent.headers["location"]) == (303, "/me")
    done = word("done", "en")
    assert f'role="status">{done}</section>' in (await stand.http.get("/me")).text
    assert 'role="status"' not in (await stand.http.get("/me")).text
    await ledger.note_asked(stand.db, ME, "r-9", "erase", None, NOW)
    stand.http.cookies.set("sent", "r-9")
    assert word("sent_erase", "en", id="r-9") in (await stand.http.get("/me")).text
    for forged in ("r-10", "%3Cscript%3E"):
        stand.http.cookies.set("sent", forged)
        assert 'role="status"' not in (await stand.http.get("/me")).text


async def test_of_whom_nothing_is_held_the_page_says_whether_that_is_an_erasure(stand: Stand) -> None:
    for token, path in ((link(NOBODY), "/me"), (link("anna", role="support"), "/desk/person")):
        await stand.db.execute("delete from come_through")
        stand.http.cookies.clear()
        await stand.enter(token)
        fields = {} if path == "/me" else {"user_id": NOBODY, "word": await stand.form_word("/desk")}

        async def page(path: str = path, fields: dict[str, str] = fields) -> str:
            return (await stand.http.request("POST" if fields else "GET", path, data=fields)).text

        next_publication = stand.office.people.policies.next_publication(NOW)
        assert next_publication is not None
        unknown = word("nothing", "en", day=day(next_publication, "en"))
        assert unknown in await page()
        person = keyed_name(bytes.fromhex(KEY), NOBODY)
        add = "insert into come_through (shard, person, request_id, until) values ($1, $2, 'r-17', $3)"
        await stand.db.execute(add, partition_of(NOBODY), person, NOW)
        said = await page()
        assert word("erased_lately", "en", id="r-17") in said
        assert unknown not in said
        assert (await stand.http.get("/me/receipt.json")).status_code == (404 if path == "/me" else 403)
        receipt = ErasureReceipt(what="person", erased_at=NOW, stores=("portal",), digest="0" * 64, request_id="r-17")
        await stand.db.execute("update come_through set receipt = $1", encode(receipt))
        assert word("erased", "en", id="r-17") in await page()
        if path == "/me":
            assert receipt_in((await stand.http.get("/me/receipt.json")).json()) == (NOBODY, receipt)


async def test_who_is_back_after_an_erasure_is_not_taken_for_who_was_erased(stand: Stand) -> None:
    people = stand.office.people
    before = await people.known(SOMEBODY, NOW)
    assert before is not None
    assert await people.known(SOMEBODY, NOW) is before, "it is read once"
    for table in ("person", "score"):
        await stand.db.execute(f"delete from {table} where shard = $1 and user_id = $2", *key_of(SOMEBODY))
    await write(stand.db, SOMEBODY)
    after = await people.known(SOMEBODY, NOW)
    assert after is not None
    assert after.edition != before.edition
    await stand.db.execute("delete from person where shard = $1 and user_id = $2", *key_of(SOMEBODY))
    assert await people.known(SOMEBODY, NOW) is None


async def test_each_desk_has_its_own_page_and_a_look_of_support_is_in_the_ledger(stand: Stand) -> None:
    for role, other in (("support", "risk"), ("risk", "operator"), ("operator", "support")):
        stand.http.cookies.clear()
        await stand.enter(link("anna", role=cast(tokens.Role, role)))
        assert (await stand.http.get("/desk")).status_code == 200
        assert (await stand.http.get("/me")).status_code == 403
        assert other
        sent = await stand.http.post("/desk/person", data={"user_id": ME, "word": "f" * 64})
        assert sent.status_code == 403
    assert await ledger.looks(stand.db, ME) == []
    stand.http.cookies.clear()
    await stand.enter(link("anna", role="support"))
    page = await stand.http.post("/desk/person", data={"user_id": ME, "word": await stand.form_word("/desk")})
    assert page.status_code == 200
    assert "<form" not in page.text
    assert [each.who for each in await ledger.looks(stand.db, ME)] == ["support: anna"]
    stand.http.cookies.clear()
    await stand.enter(link(ME))
    assert (await stand.http.get("/desk")).status_code == 403
