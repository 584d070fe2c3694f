"""Headers, addresses, cookies and forms as nobody's browser sends them: the portal's answers stay what they are."""

from __future__ import annotations

import pytest

from goodstanding.portal import keys, ledger
from tests.integration.portal_stand import ME, SOMEBODY, Stand, link
from tests.support.portal_views import NOW

SCORE = f"/v1/people/{ME}/score"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


async def test_a_tag_that_is_known_opens_nothing_once_the_permission_is_taken_back(stand: Stand) -> None:
    """What has not changed is a look as well, and so is one that asks for the headers alone."""
    key = await stand.key("score")
    bearer = {"Authorization": f"Bearer {key}"}
    tag = (await stand.http.get(SCORE, headers=bearer)).headers["etag"]
    for method, status in (("GET", 304), ("HEAD", 304)):
        same = await stand.http.request(method, SCORE, headers={**bearer, "If-None-Match": tag})
        assert (same.status_code, same.content) == (status, b"")
    assert len(await ledger.looks(stand.db, ME)) == 3
    [permission] = await ledger.permissions(stand.db, ME)
    await ledger.withdraw(stand.db, ME, permission.subscriber, NOW)
    for asked in (tag, f"W/{tag}", "*", f'"x", {tag}'):
        refused = await stand.http.get(SCORE, headers={**bearer, "If-None-Match": asked})
        assert (refused.status_code, refused.headers.get("etag")) == (403, None)
    assert len(await ledger.looks(stand.db, ME)) == 3


async def test_an_address_is_answered_as_it_is_written_and_sends_nobody_elsewhere(stand: Stand) -> None:
    """A redirect would name the host that was sent, and a scheme without TLS: with the key, or with the link."""
    headers = {"Authorization": f"Bearer {link(ME)}", "Host": "evil.example", "X-Forwarded-Host": "evil.example"}
    for path in (
        f"{SCORE}/",
        f"/v1/people/{ME}//score",
        f"/v1/people/{SOMEBODY}%2f..%2f{ME}/score",
        f"{SCORE}%00",
        f"{SCORE};x",
        f"/enter/{link(ME)}/",
        "/me/",
        "/desk/",
        "/me%2f..%2fdesk",
        "/openapi.json/",
        "/static/%2e%2e/%2e%2e/etc/passwd",
    ):
        answer = await stand.http.get(path, headers=headers)
        assert (answer.status_code, answer.headers.get("location")) == (404, None), path
        assert "evil" not in answer.text
    entered = await stand.http.get(f"/enter/{link(ME)}", headers={"Host": "evil.example"})
    assert entered.headers["location"] == "/me"
    assert "domain" not in entered.headers["set-cookie"].lower()


async def test_another_address_that_somebody_claims_to_come_from_gives_no_further_guesses(stand: Stand) -> None:
    def claimed(number: int) -> dict[str, str]:
        address = f"192.0.2.{number}"
        return {"X-Forwarded-For": address, "Forwarded": f"for={address}", "X-Real-IP": address}

    guesses = [f"gsk_{number:012x}_{'a' * 43}" for number in range(60)]
    answers = [await stand.status(SCORE, guess, headers=claimed(number)) for number, guess in enumerate(guesses)]
    assert answers.count(401) <= 31
    assert answers[-1] == 429


@pytest.mark.parametrize(
    ("content", "headers", "status"),
    [
        ("subscriber=x&word={word}", {**FORM, "Origin": "http://portal.example:8080"}, 403),
        ("subscriber=x&word={word}", {**FORM, "Origin": "http://a.portal.example"}, 403),
        ("subscriber=x&word={word}", {**FORM, "Origin": "http://portal.example.evil"}, 403),
        ("subscriber=x&word={word}", {**FORM, "Origin": "http://portal.example@evil"}, 403),
        ("subscriber=x&word={word}", {**FORM, "Origin": "http://["}, 403),
        ('{{"subscriber": "x", "word": "{word}"}}', {"Content-Type": "application/json"}, 403),
        ("--b\r\n\r\n{word}", {"Content-Type": "multipart/form-data; boundary=b"}, 403),
        ("word={word}&word=x&subscriber=x", FORM, 403),
        ("a=b&" * 20 + "word={word}&subscriber=x", FORM, 400),
        ("a=b&" * 20_000 + "word={word}&subscriber=x", FORM, 413),
        ("word={word}&subscriber=%ff%fe%00", FORM, 422),
        ("word={word}&subscriber=%ED%A0%80", {"Content-Type": FORM["Content-Type"] + "; charset=utf-16"}, 422),
    ],
)
async def test_a_form_that_no_page_has_sent_permits_nobody(
    stand: Stand, content: str, headers: dict[str, str], status: int
) -> None:
    await keys.make(stand.db, "subscriber", "x", ("standing",), NOW)
    await stand.enter(link(ME))
    filled = content.format(word=await stand.form_word())
    answer = await stand.http.post("/me/permissions", content=filled.encode(), headers=headers)
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("text/html"), "a person sees a page"
    assert (await stand.http.get("/me/permissions")).status_code == 405
    assert await ledger.permissions(stand.db, ME) == []


@pytest.mark.parametrize(
    "text",
    ["１３８１２３４５６７８", "١٣٨١٢٣٤٥٦٧٨", "a＠b.example", "ＧＳ０００００００００１９５", "GS\u200b000000000195"],
)
async def test_an_identifier_in_another_script_is_one(stand: Stand, text: str) -> None:
    headers = {"Authorization": f"Bearer {link(ME)}"}
    sent = {"record_id": "7d", "text": f"I am {text}"}
    answer = await stand.http.post(f"/v1/people/{ME}/statements", headers=headers, json=sent)
    assert (answer.status_code, answer.json()["code"] in ("names-person", "text-form")) == (422, True)
    assert text not in answer.text
