"""The kinds of events and records that a deployment adds to the taxonomy: `policies/kinds.toml` (decision 0033)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Literal

import msgspec

from shared.contracts.demographics import is_demographic, tells_of_demographics
from shared.contracts.kinds import KINDS, Ends, Kind, RecordClass, Shape
from shared.contracts.policy_parts import PolicyFault

FIRST_CODE, LAST_CODE = 130, 199
"""The codes of deployments; no shipped kind will have one of these."""
_NAME = re.compile(r"[a-z][a-z_]*\.[a-z][a-z_]*")
_REFUSED_SENTENCE = (
    "There is no kind for sex, age, marital status, religion, ethnicity, health or biometric data, nor for what tells "
    "of them. Take the block out."
)
_SHIPPED = frozenset(kind.name for kind in KINDS)


def _is_refused(words: str) -> bool:
    return is_demographic(words) or tells_of_demographics(words)


class OwnKind(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One kind. States in the database hold its code, so neither code, name nor shape ever changes."""

    code: int
    """From 130 on, one after the other. `code = 130`."""
    name: str
    """Noun and verb, as partners' mappings say it. `name = "gym.fee"`."""
    shape: Literal["obligation", "activity", "record"]
    """Which fields belong to it. `shape = "obligation"`."""
    title: Annotated[str, msgspec.Meta(min_length=1, max_length=80)]
    """What it is, for people. `title = "Fee of a gym, paid"`."""
    group: str = "own"
    """What it is one of. `group = "household"`."""
    record_class: RecordClass | None = None
    """Of a record: the class that decides who may report it and how long it is kept. `record_class = "life"`."""
    ends: Ends | None = None
    """Of a record: when the bad behavior is over, `at_once` or `on_settlement`. `ends = "on_settlement"`."""

    def kind(self) -> Kind:
        return Kind(
            code=self.code,
            name=self.name,
            group="records" if self.shape == "record" else self.group,
            shape=Shape(self.shape),
            title=self.title,
            record_class=self.record_class,
            ends=self.ends,
        )

    def _faults(self) -> Iterator[tuple[str, str]]:
        if not _NAME.fullmatch(self.name):
            yield "name", "A name is two words of lower-case letters with a point between them, such as gym.fee."
        elif _is_refused(self.name):
            yield "name", _REFUSED_SENTENCE
        elif self.name in _SHIPPED:
            yield "name", "The taxonomy has this kind already; take the block out."
        for key, words in (("title", self.title), ("group", self.group)):
            if _is_refused(words):
                yield key, _REFUSED_SENTENCE
        if (self.record_class is None) != (self.shape != "record") or (self.ends is None) != (self.shape != "record"):
            yield "shape", "A record has `record_class` and `ends`, and nothing else has them."


class OwnKinds(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The `[[own_kinds]]` blocks, in the order of their codes."""

    own_kinds: tuple[OwnKind, ...] = ()

    def faults(self) -> Iterator[PolicyFault]:
        names: set[str] = set()
        for index, own in enumerate(self.own_kinds):
            code = FIRST_CODE + index
            if own.code != code or code > LAST_CODE:
                sentence = (
                    f"The codes count from {FIRST_CODE} to {LAST_CODE} without a gap, so this one is {code}. A kind "
                    "that was used stays here for good, since what is stored has its code."
                )
                yield PolicyFault(("own_kinds", index, "code"), sentence)
            for key, sentence in own._faults():
                yield PolicyFault(("own_kinds", index, key), sentence)
            if own.name in names:
                yield PolicyFault(("own_kinds", index, "name"), "Another kind has this name already.")
            names.add(own.name)
