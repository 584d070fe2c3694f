"""What a sentence about a change says of what was measured before (rules S21)."""

from __future__ import annotations

import pytest

from services.scorer.core.reasons.figures import Language
from services.scorer.core.reasons.former import with_former
from services.scorer.core.reasons.sentences import Wording
from services.scorer.core.score import LIMIT, Evaluation, Item
from tests.support.people import SHIPPED

BIKES, CREDIT, SINCE, LIMITED = "shared-bikes-kept", "credit-on-time", "credit-since-late", "identity-unknown"


def of(*items: Item) -> Evaluation:
    return Evaluation(600, False, (), (), items)


@pytest.mark.parametrize(
    ("former", "present", "en", "zh"),
    [
        (Item(BIKES, 5, 5, (1000, 6)), Item(BIKES, 4, 5, (1000, 5)), " (before: 6 known)", "（此前：已知 6 期）"),
        (Item(BIKES, 4, 5, (1000, 5)), Item(BIKES, 5, 5, (1000, 6)), " (before: 5 known)", "（此前：已知 5 期）"),
        (Item(CREDIT, 34, 34, (1000, 12)), Item(CREDIT, 2, 34, (923, 13)), " (before: 100 %)", "（此前：100 %）"),
        (Item(CREDIT, 2, 34, (923, 12)), Item(CREDIT, 1, 34, (916, 10)), " (before: 92.3 %, 12 known)",
         "（此前：92.3 %，已知 12 期）"),
        (Item(CREDIT, 34, 34, (1000, 24)), Item(CREDIT, 34, 34, (1000, 23)), "", ""),
        (Item(CREDIT, 15, 34, {}), Item(CREDIT, 17, 34, (1000, 1)), "", ""),
        (Item(SINCE, 7, 7, (17, 12)), Item(SINCE, -12, 7, (0, 12)), "", ""),
        (Item(LIMITED, -12, 0, {LIMIT: 699}), Item(LIMITED, 0, 0, {LIMIT: 699}), " (before: it took 12 points)",
         "（此前：少得 12 分）"),
        (Item("base", 350, 350, {}), Item("base", 350, 350, {}), "", ""),
    ],
)  # fmt: skip
def test_a_change_says_what_was_measured_before_if_its_sentence_shows_it(
    former: Item, present: Item, en: str, zh: str
) -> None:
    languages: tuple[tuple[Language, str], ...] = (("en", en), ("zh", zh))
    for language, said in languages:
        wording = Wording(SHIPPED, language, "CNY")
        assert with_former("So.", present.code, of(former), of(present), wording) == f"So.{said}"


def test_of_an_item_that_is_new_nothing_is_said_of_before() -> None:
    new = Item(BIKES, 4, 5, (1000, 5))
    assert with_former("So.", BIKES, of(), of(new), Wording(SHIPPED, "en", "CNY")) == "So."
