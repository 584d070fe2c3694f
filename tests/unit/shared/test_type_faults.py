"""All that is wrong with a document by its type, each with where it stands."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Literal

import msgspec
import pytest

from shared.type_faults import faults_of


class Color(StrEnum):
    RED = "red"


class Round(msgspec.Struct, forbid_unknown_fields=True, tag_field="is", tag="round"):
    radius: int


class Square(msgspec.Struct, forbid_unknown_fields=True, tag_field="is", tag="square"):
    side: int
    color: Color = Color.RED


class Drawing(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    name: str
    mode: Literal["fast", "slow"] = "fast"
    from_: int | None = msgspec.field(default=None, name="from")
    shapes: tuple[Round | Square, ...] = ()
    sizes: dict[Color, int] = {}
    tags: list[str] = []


@pytest.mark.parametrize(
    ("document", "where"),
    [
        ({"name": "a"}, []),
        ({}, [()]),
        ([], [()]),
        ({"name": 1, "mode": "quick", "from": "x"}, [("name",), ("mode",), ("from",)]),
        ({"name": "a", "colour": 1, "moda": 2}, [("colour",), ("moda",)]),
        ({"nam": "a"}, [(), ("nam",)]),
        ({"name": "a", "tags": ["x", 1, 2]}, [("tags", 1), ("tags", 2)]),
        ({"name": "a", "tags": "x"}, [("tags",)]),
        ({"name": "a", "sizes": {"red": "1", "blue": 2}}, [("sizes", "red"), ("sizes", "blue")]),
        (
            {"name": "a", "shapes": [{"is": "round"}, {"is": "square", "side": "1", "color": "pink", "x": 1}]},
            [("shapes", 0), ("shapes", 1, "side"), ("shapes", 1, "color"), ("shapes", 1, "x")],
        ),
        ({"name": "a", "shapes": [{"is": "oval"}, 3, {}]}, [("shapes", 0, "is"), ("shapes", 1), ("shapes", 2)]),
    ],
)
def test_every_fault_is_told_where_it_stands(document: Any, where: list[tuple[str | int, ...]]) -> None:
    found = list(faults_of(document, Drawing))
    assert sorted(key for key, _ in found) == sorted(where) if where != [()] else [key for key, _ in found] == where
    assert all(sentence.endswith(".") for _, sentence in found)


def test_words_that_may_stand_there_are_named() -> None:
    assert list(faults_of({"name": "a", "mode": "quick"}, Drawing)) == [
        (("mode",), "Invalid enum value 'quick'. Say one of: fast, slow.")
    ]


class _Pair(msgspec.Struct):
    names: list[str]

    def __post_init__(self) -> None:
        if len(self.names) != 2:
            raise ValueError("Name two.")


def test_a_rule_that_is_a_whole_sentence_ends_with_one_full_stop() -> None:
    assert list(faults_of({"names": ["a"]}, _Pair)) == [((), "Name two.")]
