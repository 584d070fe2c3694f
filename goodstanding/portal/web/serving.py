"""The portal's server: routes, headers that every answer has, and what is said of what fails."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager

import asyncpg
import structlog
from aiokafka.errors import KafkaError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from goodstanding.portal.hooks.sending import sending
from goodstanding.portal.policies import Policies
from goodstanding.portal.settings import PortalSettings
from goodstanding.portal.web import interface, openapi, pages, problems
from goodstanding.portal.web.office import Office, opened
from goodstanding.portal.web.problems import ProblemError
from goodstanding.portal.web.sessions import EnterError
from shared.clock import Clock
from shared.runner.health import listening
from shared.trust import ClockDoubtError

log = structlog.get_logger("portal")

_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = [
    (b"content-security-policy", _POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
]
_SENTENCES = {404: "There is nothing at this address.", 405: "This address is not asked with that method."}
_CODES = {404: "not-found", 405: "method-not-allowed"}
_FOR_PROGRAMS = ("/v1/", "/openapi.json")
_CONNECTIONS_MAX = 1_000
"""Above what one process can answer at a time. Each takes a file descriptor, of which it may have few more."""


def answering(
    settings: PortalSettings, policies: Policies
) -> Callable[[asyncpg.Pool, Clock], AbstractAsyncContextManager[None]]:
    """What the process does beside its shards."""

    @contextlib.asynccontextmanager
    async def serve(pool: asyncpg.Pool, clock: Clock) -> AsyncIterator[None]:
        host, port = settings.portal_host, settings.portal_port
        private = settings.portal_webhooks_private
        async with (
            sending(pool, allows_private=private),
            opened(pool, clock, settings, policies) as office,
            listening(
                "portal",
                application(office),
                host,
                port,
                "GOODSTANDING_PORTAL_PORT",
                _CONNECTIONS_MAX,
            ) as listens_at,
        ):
            log.info("open", host=host, port=listens_at)
            yield

    return serve


def application(office: Office) -> ASGIApp:
    app = Starlette(
        routes=[*openapi.routes(), *interface.routes(), *pages.routes(), *_login(office)],
        middleware=[Middleware(_Headers)],
        exception_handlers={
            EnterError: pages.not_entered,
            ProblemError: _problem,
            HTTPException: _http_error,
            ClockDoubtError: _away,
            OSError: _away,
            KafkaError: _away,
            asyncpg.PostgresError: _away,
            asyncpg.InterfaceError: _away,
        },
    )
    # A redirect to the address with or without a slash at its end would name the host and the scheme that this process
    # sees: behind a server with TLS, a key would be sent once more, and readable by all on the way.
    app.router.redirect_slashes = False
    app.state.office = office
    return app


def _login(office: Office) -> list[Mount]:
    """Where nobody logs in with a provider, nothing of that library is loaded."""
    if not office.settings.login_issuer:
        return []
    from goodstanding.portal.web import login

    return login.routes(office)


async def _problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, ProblemError)
    return _told(request, error)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    status = error.status_code if error.status_code in problems.TITLES else 400
    code, detail = _CODES.get(status, "bad-request"), _SENTENCES.get(status, "The request cannot be read.")
    return _told(request, ProblemError(status, code, detail))


async def _away(request: Request, error: Exception) -> Response:
    log.warning("a server is away", exc_info=error)
    return _told(request, ProblemError(503, "not-available", "Ask again in a moment.", retry_after_s=5))


def _told(request: Request, problem: ProblemError) -> Response:
    """To programs as a document, to people as a page."""
    if request.url.path.startswith(_FOR_PROGRAMS):
        return problems.response(problem)
    return pages.not_done(request, problem)


class _Headers:
    """Every answer says that nothing comes from elsewhere, and nothing of it is kept on the way."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = {name for name, _ in message["headers"]}
                message["headers"] = [*message["headers"], *(each for each in _HEADERS if each[0] not in given)]
                if b"cache-control" not in given:
                    message["headers"].append((b"cache-control", b"no-store"))
            await send(message)

        await self._app(scope, receive, sending if scope["type"] == "http" else send)
