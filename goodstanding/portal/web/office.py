"""What a request finds here: the data, the clock, the keys, and who is asking."""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeAlias

import asyncpg
import structlog
from aiokafka import AIOKafkaProducer
from starlette.requests import HTTPConnection, Request

from goodstanding.portal import ledger, tokens
from goodstanding.portal.desk.desk import Desk, desk
from goodstanding.portal.events.door import Events, events
from goodstanding.portal.keys import Key, key_of
from goodstanding.portal.people import People
from goodstanding.portal.policies import Policies
from goodstanding.portal.settings import PortalSettings
from goodstanding.portal.tokens import Token
from goodstanding.portal.web.limits import Limit
from goodstanding.portal.web.problems import ProblemError
from services.scorer.core.reasons.figures import Language
from shared.clock import Clock
from shared.contracts.cloudevents import binary
from shared.contracts.faults import Fault
from shared.contracts.messages import TYPES, encode
from shared.contracts.partition import partition_of
from shared.contracts.subject import SubjectRequest
from shared.contracts.topics import SUBJECT_REQUESTS
from shared.kafka.sender import started
from shared.postgres import DbOrPool
from shared.settings import key_bytes

log = structlog.get_logger("portal")
Caller: TypeAlias = Key | Token
_PER_MINUTE = 600
"""Of one key or session: far more than anybody reads, and too few to copy everybody."""
_FAILURES_PER_MINUTE = 30
"""Of one address: whoever has a key does not guess."""
BODY_BYTES_MAX = 64 * 1024


@dataclass(frozen=True, slots=True)
class Office:
    db: DbOrPool
    clock: Clock
    people: People
    settings: PortalSettings
    events: Events
    desk: Desk
    asked: Limit = field(default_factory=lambda: Limit(_PER_MINUTE))
    failed: Limit = field(default_factory=lambda: Limit(_FAILURES_PER_MINUTE))

    @property
    def key(self) -> bytes:
        return key_bytes(self.settings.portal_key)

    def now(self) -> datetime:
        """Of what is told and counted: the deployment's time."""
        return self.clock.now()

    @staticmethod
    def real_time() -> datetime:
        """Of keys, links and sessions: a demo's clock stands still, and they expire all the same."""
        return datetime.now(UTC)

    async def caller(self, request: Request) -> Caller:
        """Who asks, by the key or the token in the request's header. Raises ProblemError."""
        text = _bearer(request)
        found: Caller | None = tokens.read(text, "link", self.key, self.real_time()) if text else None
        if found is None:
            if wait_s := self.guess_wait_s(request):
                raise _too_many(wait_s)
            found = await key_of(self.db, text) if text else None
        if found is None:
            self.has_guessed(request)
            raise ProblemError(401, "not-logged-in", "Send a key or a link's token: `Authorization: Bearer ...`.")
        self.limit(found.id if isinstance(found, Key) else found.nonce)
        return found

    def guess_wait_s(self, request: Request) -> int:
        """0, or in how many seconds the address may guess again. Asked after a link was read, which costs nothing:
        others may come by the same address, and whoever guesses there keeps nobody with a link out."""
        return self.failed.wait_s(_address(request), time.monotonic(), takes=False)

    def has_guessed(self, request: Request) -> None:
        self.failed.wait_s(_address(request), time.monotonic())

    def limit(self, who: str) -> None:
        """Raises ProblemError for somebody who asks too often."""
        if wait_s := self.asked.wait_s(who, time.monotonic()):
            raise _too_many(wait_s)

    async def ask(self, user_id: str, request: SubjectRequest | Fault) -> str:
        """Write what a person asks of the platform; its id, under which the answer comes. Raises ProblemError."""
        if isinstance(request, Fault):
            raise ProblemError.of(request)
        request_id, now = str(uuid.uuid4()), self.now()
        headers = binary(id=request_id, source="/portal", type=TYPES[SubjectRequest], time=now, partitionkey=user_id)
        await ledger.note_asked(self.db, user_id, request_id, request.request, request.record_id, now)
        async with started(self.settings.connection) as producer:
            await _send(producer, user_id, encode(request), headers)
        return request_id


@contextlib.asynccontextmanager
async def opened(db: asyncpg.Pool, clock: Clock, settings: PortalSettings, policies: Policies) -> AsyncIterator[Office]:
    """Everything that requests are answered with."""
    async with events(db, settings) as taken, desk(db, settings, policies, taken.verdicts) as at_desk:
        yield Office(db, clock, People(db, policies), settings, taken, at_desk)


async def _send(producer: AIOKafkaProducer, user_id: str, value: bytes, headers: tuple[tuple[str, bytes], ...]) -> None:
    await producer.send_and_wait(
        SUBJECT_REQUESTS, value, key=user_id.encode(), partition=partition_of(user_id), headers=list(headers)
    )


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


def _bearer(request: Request) -> str:
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    return text.strip() if scheme.lower() == "bearer" else ""


def _too_many(wait_s: int) -> ProblemError:
    return ProblemError(429, "too-many-requests", "Wait, and ask less often.", retry_after_s=wait_s)


def office_of(request: HTTPConnection) -> Office:
    office = request.app.state.office
    assert isinstance(office, Office)
    return office


def language_of(request: HTTPConnection) -> Language:
    """What is asked for in the address, else what the browser prefers, else English."""
    said = (
        request.query_params.get("language")
        or request.cookies.get("language")
        or request.headers.get("accept-language", "")
    )
    return next((found for part in said.split(",") if (found := _language(part))), "en")


def language_asked(request: HTTPConnection) -> Language:
    """The same for a program, which must not take English for the language that it named in the address. Raises
    ProblemError."""
    asked = request.query_params.get("language")
    if asked and _language(asked) is None:
        raise ProblemError(422, "wrong-type", "Say `en` or `zh`: there is no other language.", field="language")
    return language_of(request)


def _language(tag: str) -> Language | None:
    match tag.partition(";")[0].strip().lower().partition("-")[0]:
        case "en" | "zh" as found:
            return found
        case _:
            return None


async def body_of(request: Request, bytes_max: int = BODY_BYTES_MAX) -> bytes:
    """The body, if it is not larger than any that is taken. Raises ProblemError."""
    found = bytearray()
    async for part in request.stream():
        found += part
        if len(found) > bytes_max:
            raise ProblemError(413, "too-large", f"Send at most {bytes_max} bytes.")
    return bytes(found)
