"""The pages for people: their routes. What they look like is in person_page and desk_page, what a form does in
person_acts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from html import escape

import msgspec
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from goodstanding.person.asking import as_json_of
from goodstanding.portal import ledger, person_documents
from goodstanding.portal.desk import counts
from goodstanding.portal.people import Known
from goodstanding.portal.web import desk_page, html
from goodstanding.portal.web.html import STYLESHEET
from goodstanding.portal.web.office import Office, language_of, office_of
from goodstanding.portal.web.person_acts import FORMS, Act
from goodstanding.portal.web.person_page import blank_page, person_page
from goodstanding.portal.web.person_view import View
from goodstanding.portal.web.problems import ProblemError
from goodstanding.portal.web.sessions import (
    EnterError,
    Session,
    close_session,
    forget_sent,
    form_of,
    just_sent,
    language_kept,
    note_sent,
    open_session,
    session_of,
)
from goodstanding.portal.web.wording import refused, word
from services.scorer.core.reasons.figures import Language
from shared.contracts.subject import ErasureReceipt
from shared.settings import key_bytes


async def _style(_: Request) -> Response:
    return Response(STYLESHEET, media_type="text/css", headers={"Cache-Control": "public, max-age=3600"})


async def _entry(request: Request) -> Response:
    return _plain(request, word("entry", language_of(request)), 200)


async def _enter(request: Request) -> Response:
    return open_session(office_of(request), request, str(request.path_params["token"]))


async def _leave(request: Request) -> Response:
    response = _plain(request, word("left", language_of(request)), 200)
    close_session(office_of(request), response)
    return response


def _plain(request: Request, said: str, status: int) -> Response:
    language = language_of(request)
    title = escape(word("title", language))
    here = html.paragraph(said)
    if office_of(request).settings.login_issuer:
        here = html.joined((here, f'<p><a href="/login/">{escape(word("login", language))}</a></p>'))
    body = f"<h1>{title}</h1><section>{here}</section>"
    page = html.document(word("title", language), language, body, here="/", leaves=False)
    return language_kept(request, language, HTMLResponse(page, status))


async def not_entered(request: Request, error: Exception) -> Response:
    """What somebody sees who comes without a session, or by a link that opens nothing."""
    assert isinstance(error, EnterError)
    if error.retry_after_s:
        return not_done(request, error)
    return _plain(request, word("expired" if error.code == "expired" else "entry", language_of(request)), error.status)


def not_done(request: Request, problem: ProblemError) -> Response:
    """What a person sees of a problem, which programs get as a document."""
    response = _plain(request, refused(problem.code, problem.detail, language_of(request)), problem.status)
    if problem.retry_after_s:
        response.headers["Retry-After"] = str(problem.retry_after_s)
    return response


# -- the person's own page ---------------------------------------------------------------------------------------------


def _person(session: Session) -> str:
    """Whose page it is. Raises ProblemError for somebody at a desk."""
    if session.token.role != "person":
        raise ProblemError(403, "not-permitted", "This is a person's own page.")
    return session.token.who


async def _me(request: Request) -> Response:
    office = office_of(request)
    session = session_of(office, request)
    user_id, language = _person(session), language_of(request)
    sent = just_sent(office, request)
    note = await _note(office, user_id, sent, language) if sent else ""
    response = await shown(office, user_id, session, language, note=note)
    if sent:
        forget_sent(office, response)
    return language_kept(request, language, response)


async def _note(office: Office, user_id: str, sent: str, language: Language) -> str:
    """What became of the form that was sent just now. Of a request that nobody has made there is nothing to say."""
    if sent == "done":
        return word("done", language)
    asked = next((each for each in await ledger.asked(office.db, user_id) if each.request_id == sent), None)
    if asked is None:
        return ""
    return word("sent_erase" if asked.request == "erase" else "sent", language, id=sent[:8])


async def shown(
    office: Office, user_id: str, session: Session, language: Language, *, note: str = "", status: int = 200
) -> Response:
    """The person's page, or why there is nothing to be shown."""
    view = await view_of(office, user_id, language)
    if view is None:
        return await _blank(office, user_id, language, here="/me")
    return HTMLResponse(person_page(msgspec.structs.replace(view, form_word=session.form_word, note=note)), status)


async def _blank(office: Office, user_id: str, language: Language, *, here: str) -> Response:
    erased_by = await _erased_by(office, user_id)
    next_publication = office.people.policies.next_publication(office.now())
    return HTMLResponse(blank_page(next_publication, erased_by, language, here=here))


async def _erased_by(office: Office, user_id: str) -> Mapping[str, ErasureReceipt | None]:
    return await office.people.erased_by(user_id, key_bytes(office.settings.fingerprint_key))


async def view_of(office: Office, user_id: str, language: Language) -> View | None:
    """All that a page shows of a person, to somebody who may look and do nothing."""
    now = office.now()
    known = await office.people.known(user_id, now)
    written = await ledger.whole(office.db, user_id)
    if known is None and not written.told:
        return None
    known = known or Known(user_id, 0, None, (), (), None)
    policies = office.people.policies
    return View(
        known=known,
        found=office.people.explained(known, now, language),
        falls=office.people.falls(known, now, language),
        table=policies.table(now),
        **msgspec.structs.asdict(written),
        language=language,
        currency=policies.currency,
        zone=policies.zone,
        today=policies.today(now),
        next_publication=policies.next_publication(now),
        unverifiable=policies.profile.unverifiable,
        costs=office.people.costs(known, now),
    )


def _form(act: Act) -> Callable[[Request], Awaitable[Response]]:
    async def handle(request: Request) -> Response:
        office = office_of(request)
        session = session_of(office, request)
        user_id, language = _person(session), language_of(request)
        fields = await form_of(office, request, session)
        try:
            request_id = await act(office, user_id, fields)
        except ProblemError as problem:
            note = word("not_sent", language, why=refused(problem.code, problem.detail, language))
            return await shown(office, user_id, session, language, note=note, status=problem.status)
        response = RedirectResponse("/me", 303)
        note_sent(office, response, request_id or "done")
        return response

    return handle


async def _data(request: Request) -> Response:
    """What the page shows, for programs."""
    office = office_of(request)
    user_id = _person(session_of(office, request))
    view = await view_of(office, user_id, language_of(request))
    found = {"user_id": user_id, "made_at": office.now(), "currency": office.people.policies.currency}
    if view is not None:
        found |= {
            "standing": person_documents.standing(view.known),
            "score": person_documents.scored(view.known),
            "reasons": None if view.found is None else person_documents.reasons(view.known, view.found, view.language),
            "hints": None if view.found is None else person_documents.hints(view.known, view.found, view.language),
            "history": None if view.found is None else person_documents.history(view.known, view.found),
            "records": person_documents.records(view.known),
            "consents": view.consents,
            "permissions": view.permissions,
            "looks": await ledger.looks(office.db, user_id, limit=100_000),
            "answers": [msgspec.json.decode(body) for _, body in view.told],
        }
    headers = {"Content-Disposition": 'attachment; filename="goodstanding.json"'}
    return Response(msgspec.json.format(msgspec.json.encode(found)), 200, headers, "application/json")


async def _receipt(request: Request) -> Response:
    """Of the last erasure, as `goodstanding receipt verify` takes it."""
    office = office_of(request)
    user_id = _person(session_of(office, request))
    receipts = [each for each in (await _erased_by(office, user_id)).values() if each is not None]
    if not receipts:
        raise ProblemError(404, "not-found", "No receipt of an erasure is here.")
    content = msgspec.json.format(msgspec.json.encode({"user_id": user_id, **as_json_of(receipts[-1])}))
    headers = {"Content-Disposition": 'attachment; filename="receipt.json"'}
    return Response(content, 200, headers, "application/json")


# -- the desk ----------------------------------------------------------------------------------------------------------


async def _desk(request: Request) -> Response:
    office = office_of(request)
    session = session_of(office, request)
    language = language_of(request)
    match session.token.role:
        case "support":
            body = desk_page.support(session.form_word, language)
        case "risk":
            body = await _risk(office, session, language)
        case "operator":
            reads_on = office.desk.read_on()
            body = desk_page.operator(await counts.work(office.db), office.desk.letters, language, reads_on=reads_on)
        case _:
            raise ProblemError(403, "not-permitted", "This page is for a desk.")
    page = html.document(desk_page.title(language), language, body, here="/desk", leaves=True)
    return language_kept(request, language, HTMLResponse(page))


async def _risk(office: Office, session: Session, language: Language) -> str:
    policies, previews, now = office.people.policies, office.desk.previews, office.now()
    found, announced = await counts.distribution(office.db), previews.announced(now.astimezone(policies.zone).date())
    return desk_page.risk(found, policies.table(now), announced, previews.runs, session.form_word, language)


async def _desk_preview(request: Request) -> Response:
    """Risk has everybody judged by a policy that is announced."""
    office = office_of(request)
    session = session_of(office, request)
    if session.token.role != "risk":
        raise ProblemError(403, "not-permitted", "Only the role risk may try a policy.")
    fields = await form_of(office, request, session)
    if not office.desk.previews.start(fields.get("policy", ""), office.now()):
        raise ProblemError(404, "not-found", "No such policy is announced. Open the page again.")
    return RedirectResponse("/desk", 303)


async def _desk_person(request: Request) -> Response:
    """Support sees what the person sees, and the person sees that it has looked."""
    office = office_of(request)
    session = session_of(office, request)
    language = language_of(request)
    if session.token.role != "support":
        raise ProblemError(403, "not-permitted", "Only support looks at people.")
    user_id = (await form_of(office, request, session)).get("user_id", "").strip().lower()
    if not desk_page.USER_ID.fullmatch(user_id):
        body = desk_page.support(session.form_word, language, wrong=True)
        page = html.document(desk_page.title(language), language, body, here="/desk", leaves=True)
        return HTMLResponse(page, 422)
    await ledger.looked_by_desk(office.db, user_id, f"support: {session.token.who}", "page", office.now())
    view = await view_of(office, user_id, language)
    if view is None:
        return await _blank(office, user_id, language, here="/desk")
    return HTMLResponse(person_page(msgspec.structs.replace(view, here="/desk")))


def routes() -> list[Route]:
    return [
        Route("/", _entry),
        Route("/style.css", _style),
        Route("/enter/{token}", _enter),
        Route("/leave", _leave),
        Route("/me", _me),
        Route("/me/data.json", _data),
        Route("/me/receipt.json", _receipt),
        Route("/desk", _desk),
        Route("/desk/person", _desk_person, methods=["POST"]),
        Route("/desk/preview", _desk_preview, methods=["POST"]),
        *(Route(path, _form(act), methods=["POST"]) for path, act in FORMS.items()),
    ]
