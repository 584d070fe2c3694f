"""What policies have in common: the id that follows from what a file says."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from shared.contracts.policy_parts import policy_id


class Rule(msgspec.Struct, frozen=True, tag_field="is", tag="rule"):
    code: str
    points: int = 0


class Policy(msgspec.Struct, frozen=True):
    name: str
    rules: tuple[Rule, ...] = ()
    kinds: dict[str, list[str]] = msgspec.field(default_factory=dict)
    on: str | None = msgspec.field(default=None, name="day")


class GrownRule(msgspec.Struct, frozen=True, tag_field="is", tag="rule"):
    code: str
    evidence: int | None = None
    points: int = 0
    weights: dict[str, int] = msgspec.field(default_factory=dict)


class GrownPolicy(msgspec.Struct, frozen=True):
    """What a later release can read: the same, and more."""

    limits: tuple[int, ...] = ()
    name: str = ""
    rules: tuple[GrownRule, ...] = ()
    kinds: dict[str, list[str]] = msgspec.field(default_factory=dict)
    on: str | None = msgspec.field(default=None, name="day")


SAID: list[dict[str, Any]] = [
    {"name": "plain"},
    {"name": "plain", "rules": [{"is": "rule", "code": "on-time", "points": 5}]},
    {"name": "plain", "rules": [{"is": "rule", "code": "on-time"}], "kinds": {"bills": ["water.bill"]}},
    {"name": "plain", "day": "2026-01-01"},
]


def id_of(said: dict[str, Any], type: type[Policy | GrownPolicy]) -> str:
    return policy_id("plain", msgspec.convert(said, type))


@pytest.mark.parametrize("said", SAID)
def test_a_release_in_which_a_policy_can_say_more_changes_no_id(said: dict[str, Any]) -> None:
    assert id_of(said, GrownPolicy) == id_of(said, Policy)


def test_to_say_what_is_so_anyway_changes_no_id() -> None:
    assert id_of({"name": "plain", "rules": [], "day": None}, Policy) == id_of({"name": "plain"}, Policy)


def test_whatever_is_said_otherwise_is_another_policy() -> None:
    more: list[dict[str, Any]] = [
        {"name": "plain", "rules": [{"is": "rule", "code": "on-time", "points": 6}]},
        {"name": "plain", "rules": [{"is": "rule", "code": "on-time", "points": 5}] * 2},
        {"name": "plain", "kinds": {"bills": ["gas.bill"]}},
    ]
    ids = {id_of(said, Policy) for said in [*SAID, *more]}
    assert len(ids) == len(SAID) + len(more)
