"""Rights and users on a running Kafka: asked for, granted, withdrawn. The administrator's part.

The client library has the requests for rights, and lacks calls for them; those for users are described here, as Kafka's
protocol guide has them. So rights take the same login as everything else (decision 0038).
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError, for_code
from aiokafka.protocol.admin import (
    CreateAclsRequest_v1,
    DeleteAclsRequest_v1,
    DescribeAclsRequest,
)
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import (
    CompactArray,
    CompactBytes,
    CompactString,
    Int8,
    Int16,
    Int32,
    Schema,
    TaggedFields,
)

from shared.contracts.rights import OPERATIONS, Operation, Resource, Right
from shared.kafka.connection import Kafka
from shared.kafka.topic_admin import administrator

_RESOURCES: dict[int, Resource] = {2: "topic", 3: "group", 4: "cluster", 5: "transactional-id"}
_RESOURCE_CODES = {name: code for code, name in _RESOURCES.items()}
_OPERATION_CODES: dict[Operation, int] = {name: code for code, name in enumerate(OPERATIONS, start=2)}
_OPERATION_NAMES = {code: name for name, code in _OPERATION_CODES.items()}
_ANY = 1
_ALLOW = 3
_LITERAL, _PREFIXED = 3, 4
_ANYWHERE = "*"
_USER = "User:"
_SCRAM_SHA_512 = 2
_ITERATIONS = 8192
_NO_SUCH_USER = 91


@dataclass(frozen=True, slots=True)
class Held:
    """What Kafka has. `others` are rules that no `Right` could say, such as one that denies, in a sentence each."""

    rights: frozenset[Right]
    others: tuple[tuple[str, str], ...]
    """The principal, and the sentence."""


async def held(kafka: Kafka) -> Held:
    """All rules of the cluster. Raises KafkaError when they may not be asked for, or there is no authorizer."""
    async with administrator(kafka) as admin:
        question = DescribeAclsRequest(_ANY, None, _ANY, None, None, _ANY, _ANY)
        answer: Any = await admin._send_request(question)
    _raise_for(answer.error_code, answer.error_message)
    rights: set[Right] = set()
    others: list[tuple[str, str]] = []
    for resource, name, pattern, rules in answer.resources:
        for principal, host, operation, permission in rules:
            user = str(principal).removeprefix(_USER)
            usual = host == _ANYWHERE and permission == _ALLOW and principal.startswith(_USER)
            if usual and resource in _RESOURCES and operation in _OPERATION_NAMES and pattern in (_LITERAL, _PREFIXED):
                kind, does = _RESOURCES[resource], _OPERATION_NAMES[operation]
                rights.add(Right(user, kind, name, does, is_prefix=pattern == _PREFIXED))
            else:
                others.append((user, f"{principal} from {host}: a rule about {name} of a kind that is not used here"))
    return Held(frozenset(rights), tuple(others))


async def grant(kafka: Kafka, rights: Sequence[Right]) -> None:
    """Raises KafkaError for the first that is refused; those that exist already are left as they are."""
    if not rights:
        return
    async with administrator(kafka) as admin:
        answer: Any = await admin._send_to_controller(_Create([(*_resource(each), *_rule(each)) for each in rights]))
    for code, message in answer.creation_responses:
        _raise_for(code, message)


async def withdraw(kafka: Kafka, rights: Sequence[Right]) -> None:
    """Raises KafkaError for the first that is refused."""
    if not rights:
        return
    async with administrator(kafka) as admin:
        answer: Any = await admin._send_to_controller(_Delete([(*_resource(each), *_rule(each)) for each in rights]))
    for code, message, _ in answer.filter_responses:
        _raise_for(code, message)


def _resource(right: Right) -> tuple[int, str, int]:
    return _RESOURCE_CODES[right.resource], right.name, _PREFIXED if right.is_prefix else _LITERAL


def _rule(right: Right) -> tuple[str, str, int, int]:
    return f"{_USER}{right.principal}", _ANYWHERE, _OPERATION_CODES[right.operation], _ALLOW


# The library's own requests hold one right each, and a deployment has a hundred.
class _Create(Request[CreateAclsRequest_v1]):  # type: ignore[misc]  # the library has no types
    API_KEY = 30

    def __init__(self, entries: Sequence[tuple[Any, ...]]) -> None:
        self._entries = entries

    def build(self, request_struct_class: type[CreateAclsRequest_v1]) -> CreateAclsRequest_v1:
        return request_struct_class(self._entries)


class _Delete(Request[DeleteAclsRequest_v1]):  # type: ignore[misc]  # the library has no types
    API_KEY = 31

    def __init__(self, entries: Sequence[tuple[Any, ...]]) -> None:
        self._entries = entries

    def build(self, request_struct_class: type[DeleteAclsRequest_v1]) -> DeleteAclsRequest_v1:
        return request_struct_class(self._entries)


def _raise_for(code: int, message: str | None) -> None:
    if code:
        error: type[KafkaError] = for_code(code)
        raise error(message or error.__name__)


# -- users -------------------------------------------------------------------------------------------------------------

_STRING = CompactString("utf-8")
_TAGS = ("tags", TaggedFields)


class _Changed(Response):  # type: ignore[misc]  # the library has no types
    API_KEY = 51
    API_VERSION = 0
    SCHEMA = Schema(
        ("throttle_ms", Int32),
        ("results", CompactArray(("user", _STRING), ("error", Int16), ("message", _STRING), _TAGS)),
        _TAGS,
    )


class _Change(RequestStruct):  # type: ignore[misc]  # the library has no types
    API_KEY = 51
    API_VERSION = 0
    FLEXIBLE_VERSION = True
    RESPONSE_TYPE = _Changed
    SCHEMA = Schema(
        ("deletions", CompactArray(("user", _STRING), ("mechanism", Int8), _TAGS)),
        (
            "upsertions",
            CompactArray(
                ("user", _STRING),
                ("mechanism", Int8),
                ("iterations", Int32),
                ("salt", CompactBytes),
                ("salted_password", CompactBytes),
                _TAGS,
            ),
        ),
        _TAGS,
    )


class _ChangeUsers(Request[_Change]):  # type: ignore[misc]  # the library has no types
    API_KEY = 51

    def __init__(self, deletions: list[tuple[Any, ...]], upsertions: list[tuple[Any, ...]]) -> None:
        self._deletions, self._upsertions = deletions, upsertions

    def build(self, request_struct_class: type[_Change]) -> _Change:
        return request_struct_class(self._deletions, self._upsertions, {})


async def set_passwords(kafka: Kafka, passwords: Iterable[tuple[str, str]]) -> None:
    """Make users for SCRAM-SHA-512, or give those that exist another password. What travels is salted and hashed.

    Raises KafkaError for the first that is refused.
    """
    upsertions = [_upsertion(user, password) for user, password in passwords]
    async with administrator(kafka) as admin:
        await _change(admin, _ChangeUsers([], upsertions))


async def remove_user(kafka: Kafka, user: str) -> None:
    """Raises KafkaError; not for a user that is gone already."""
    async with administrator(kafka) as admin:
        await _change(admin, _ChangeUsers([(user, _SCRAM_SHA_512, {})], []), ignored=_NO_SUCH_USER)


async def _change(admin: AIOKafkaAdminClient, request: _ChangeUsers, ignored: int = 0) -> None:
    answer: Any = await admin._send_to_controller(request)
    for result in answer.results:
        if result[1] != ignored:
            _raise_for(result[1], result[2])


def _upsertion(user: str, password: str) -> tuple[Any, ...]:
    salt = secrets.token_bytes(24)
    salted = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, _ITERATIONS)
    return (user, _SCRAM_SHA_512, _ITERATIONS, salt, salted, {})
