"""What policy files have in common: a name, an id that follows from their content, codes, values by class, and faults.

The rules of each policy stand beside its types; `shared/policy_file.py` reads one and holds it to them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple, TypeVar

import msgspec

from shared.contracts.fields import TEXT_CHARACTERS_MAX
from shared.contracts.kinds import RecordClass

T = TypeVar("T")

_NAME = re.compile(r"[a-z0-9-]{1,40}")
_CODE = re.compile(r"[a-z]+(-[a-z]+)*")


class PolicyFault(NamedTuple):
    """Where in the file, ("rules", 2, "bands"), and a sentence that says what to do."""

    key: tuple[str | int, ...]
    sentence: str


class ByClass(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A whole number for each class of record."""

    legal: int
    financial: int
    life: int

    def of(self, record_class: RecordClass) -> int:
        return of_class(record_class, self.legal, self.financial, self.life)


def of_class(record_class: RecordClass, legal: T, financial: T, life: T) -> T:
    """Which of three is the one of this class."""
    match record_class:
        case RecordClass.LEGAL:
            return legal
        case RecordClass.FINANCIAL:
            return financial
        case RecordClass.LIFE:
            return life


def policy_id(name: str, policy: msgspec.Struct) -> str:
    """`<name>@<12 hexadecimal characters>`: comments and layout of the file do not change it, and no release in which a
    policy can say more than this one does."""
    digest = hashlib.sha256(msgspec.json.encode(_said(policy), order="deterministic")).hexdigest()
    return f"{name}@{digest[:12]}"


def _said(part: object) -> object:
    """The part of a policy as plain tables, without the values that equal their default."""
    match part:
        case msgspec.Struct():
            config = part.__struct_config__
            said: dict[str, object] = {config.tag_field: config.tag} if config.tag_field else {}
            for field in _fields(type(part)):
                value = getattr(part, field.name)
                if value != _if_left_out(field):
                    said[field.encode_name] = _said(value)
            return said
        case dict():
            return {key: _said(value) for key, value in part.items()}
        case list() | tuple():
            return [_said(each) for each in part]
        case _:
            return part


# To read them evaluates the annotations of a type, each time.
_fields = cache(msgspec.structs.fields)


def _if_left_out(field: msgspec.structs.FieldInfo) -> object:
    return field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory()


def faults_of_name(name: str) -> Iterator[PolicyFault]:
    if not _NAME.fullmatch(name):
        yield PolicyFault(("name",), "Use 1 to 40 lower-case letters, digits and hyphens.")


def is_code(text: str) -> bool:
    """Whether a text can be the code of a rule, a restriction, a tier or a benefit: it is said in messages."""
    return bool(_CODE.fullmatch(text)) and len(text) <= TEXT_CHARACTERS_MAX
