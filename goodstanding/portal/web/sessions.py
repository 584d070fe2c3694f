"""Who is at a page: a link opens a session, which is a signed cookie, and its forms carry a word of their own."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import parse_qsl

import msgspec
from msgspec import structs
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from goodstanding.portal import tokens
from goodstanding.portal.tokens import Token
from goodstanding.portal.web.office import Office, body_of
from goodstanding.portal.web.problems import ProblemError
from services.scorer.core.reasons.figures import Language

SESSION_MAX = timedelta(hours=1)
"""However long the link opens: somebody leaves a library's computer."""
_FIELDS_MAX = 16
_LANGUAGE = "language"
_SENT, _SENT_S_MAX = "sent", 60


class Session(msgspec.Struct, frozen=True):
    """Somebody at a page. `form_word` is what the forms of this session carry."""

    token: Token
    form_word: str


class EnterError(ProblemError):
    """There is no session that is in force: somebody has to come by a link."""


def open_session(office: Office, request: Request, text: str) -> Response:
    """Change the link into a session, so that the address that opens it is in no history of visits after that."""
    now = office.real_time()
    link, longest = tokens.read(text, "link", office.key, now), now + SESSION_MAX
    if link is None:
        if wait_s := office.guess_wait_s(request):
            raise EnterError(429, "too-many-requests", "Wait, and ask less often.", retry_after_s=wait_s)
        office.has_guessed(request)
        raise EnterError(403, "expired", "This link opens nothing.")
    # It keeps the link's nonce, by which requests are counted: whoever opens the link again has asked no less.
    return _opened(office, structs.replace(link, purpose="session", until=min(link.until, int(longest.timestamp()))))


def session_for(office: Office, user_id: str) -> Response:
    """Of a person whom somebody else has made sure of."""
    return _opened(office, tokens.made("session", "person", user_id, office.real_time() + SESSION_MAX))


def _opened(office: Office, session: Token) -> Response:
    response = RedirectResponse("/me" if session.role == "person" else "/desk", 303)
    seconds = int((session.expires - office.real_time()).total_seconds())
    _set(office, response, tokens.signed(session, office.key), seconds)
    return response


def _set(office: Office, response: Response, value: str, seconds: int, name: str = "session") -> None:
    response.set_cookie(
        _name(office, name), value, max_age=seconds, path="/", secure=_is_secure(office), httponly=True, samesite="lax"
    )


def close_session(office: Office, response: Response) -> None:
    _set(office, response, "", 0)


def note_sent(office: Office, response: Response, what: str) -> None:
    """The next page says what was sent, and once: a cookie is gone when the page is loaded again, an address is not."""
    _set(office, response, what, _SENT_S_MAX, _SENT)


def just_sent(office: Office, request: Request) -> str:
    return request.cookies.get(_name(office, _SENT), "")


def forget_sent(office: Office, response: Response) -> None:
    _set(office, response, "", 0, _SENT)


def session_of(office: Office, request: Request) -> Session:
    """Raises EnterError."""
    text = request.cookies.get(_name(office), "")
    token = tokens.read(text, "session", office.key, office.real_time()) if text else None
    if token is None:
        raise EnterError(401, "not-logged-in", "Open the page with a link.")
    office.limit(token.nonce)
    return Session(token, tokens.form_word(text, office.key))


async def form_of(office: Office, request: Request, session: Session) -> dict[str, str]:
    """What a form of this session has sent. Raises ProblemError for anything that another site may have sent."""
    origin = request.headers.get("origin")
    if origin not in (None, "null") and str(origin).partition("://")[2] != request.headers.get("host"):
        raise ProblemError(403, "foreign-form", "Send the form from the page itself.")
    try:
        pairs = parse_qsl((await body_of(request)).decode(), max_num_fields=_FIELDS_MAX, keep_blank_values=True)
    except ValueError:
        raise ProblemError(400, "bad-request", "The form cannot be read.") from None
    fields = dict(pairs)
    word = fields.pop("word", "")
    if not tokens.same(word, session.form_word):
        raise ProblemError(403, "foreign-form", "Open the page again, and send the form from there.")
    return fields


def language_kept(request: Request, language: Language, response: Response) -> Response:
    """The language that was chosen stays for the next page."""
    if _LANGUAGE in request.query_params:
        response.set_cookie(_LANGUAGE, language, max_age=365 * 86_400, path="/", httponly=True, samesite="lax")
    return response


def _name(office: Office, name: str = "session") -> str:
    return f"__Host-{name}" if _is_secure(office) else name


def _is_secure(office: Office) -> bool:
    return office.settings.portal_url.startswith("https://")
