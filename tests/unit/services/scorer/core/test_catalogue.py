"""The catalogue of hints: what is wrong with one is found when the policy is read (rules S23)."""

from __future__ import annotations

from typing import Any

import pytest

from services.scorer.core.catalogue import AnyHint, Begin, Keep, Settle, State, Tell, Use
from shared.contracts.policy_parts import PolicyFault
from tests.support.people import SHIPPED, card

WORDS: dict[str, Any] = {"en": "Do it.", "zh": "去做。"}


def test_the_shipped_hints_have_no_faults() -> None:
    assert SHIPPED.hints
    assert list(SHIPPED.faults()) == []


@pytest.mark.parametrize(
    ("hint", "key", "part"),
    [
        (Keep(code="Pay", kinds=("water.bill",), **WORDS), ("code",), "joined by hyphens"),
        (Keep(code="pay", kinds=(), **WORDS), ("kinds",), "at least one"),
        (Keep(code="pay", kinds=("water.bll",), **WORDS), ("kinds", 0), "`water.bll`"),
        (Keep(code="pay", kinds=("income.reported",), **WORDS), ("kinds", 0), "`income.reported`"),
        (Keep(code="pay", kinds=("water.bill",), months=0, **WORDS), ("months",), "1 to 24"),
        (Keep(code="pay", kinds=("water.bill",), months=25, **WORDS), ("months",), "1 to 24"),
        (Begin(code="begin", kinds=("water.bill", "cash_loan.repayment"), **WORDS), ("kinds", 1), "take up credit"),
        (Begin(code="begin", kinds=("water.bill",), months=0, **WORDS), ("months",), "1 to 24"),
        (Tell(code="tell", kinds=("water.bill",), **WORDS), ("kinds", 0), "shape figure"),
        (Tell(code="tell", kinds=("income.reported",), at_least=-1, **WORDS), ("at_least",), "0 or more"),
        (
            Tell(code="tell", kinds=("income.reported",), at_least=1, en="At least {amount}.", zh="。"),
            ("zh",),
            "{amount}",
        ),
        (Keep(code="pay", kinds=("water.bill",), en="Pay {amount}.", zh="缴费。"), ("en",), "{months}"),
        (Use(code="use", below=0, **WORDS), ("below",), "1 to 1000"),
        (Use(code="use", below=1001, **WORDS), ("below",), "1 to 1000"),
        (Use(code="use", below=300, months=25, **WORDS), ("months",), "1 to 24"),
        (
            Use(code="use", below=300, at_least=300, en="From {at_least}.", zh="{at_least}。"),
            ("at_least",),
            "0 to 299",
        ),
        (Use(code="use", below=300, at_least=-1, **WORDS), ("at_least",), "0 to 299"),
        (Use(code="use", below=300, at_least=9, en="At least {at_least}.", zh="。"), ("zh",), "{at_least}"),
        (State(code="told", kind="water.bill", value="verified", **WORDS), ("kind",), "shape fact"),
        (State(code="told", kind="identity.verified", value="yes", **WORDS), ("value",), "verified, withdrawn"),
        (Settle(code="settle", en="", zh="了结。"), ("en",), ""),
        (Settle(code="settle", en="Settle {it}.", zh="了结。"), ("en",), "{value}"),
    ],
)
def test_what_is_wrong_is_told_with_its_key(hint: AnyHint, key: tuple[str | int, ...], part: str) -> None:
    faults = list(card(hints=(hint,)).faults())
    assert [(fault.key, part in fault.sentence) for fault in faults] == [(("hints", 0, *key), True)]


def test_two_hints_of_one_code_are_refused() -> None:
    hint = Settle(code="settle", **WORDS)
    assert PolicyFault(("hints", 1, "code"), "Another hint has this code.") in list(card(hints=(hint, hint)).faults())
