"""What a person is told: in two languages, short enough for its contract, and with the day where one is named."""

from __future__ import annotations

from datetime import date
from typing import get_args

import pytest

from services.retention.core import words
from services.retention.core.effects import News, Reply
from shared.contracts.subject import SENTENCE_CHARACTERS_MAX

ALL: dict[str, words.Both] = {
    **dict[str, words.Both](words.NEWS.items()),
    **words.NEAR,
    **dict[str, words.Both](words.REPLIES.items()),
    "settled": words.SETTLED,
    "lapsed": words.LAPSED,
    "deleted": words.DELETED,
    "not verified": words.NOT_VERIFIED,
}


@pytest.mark.parametrize("sentences", ALL.values(), ids=ALL.keys())
def test_each_is_said_in_english_and_chinese(sentences: words.Both) -> None:
    english, chinese = words.said(sentences, date(2026, 2, 4))
    assert english.isascii()
    assert english.endswith(".")
    assert chinese.endswith("。")
    assert not chinese.isascii()
    assert max(map(len, (english, chinese))) <= SENTENCE_CHARACTERS_MAX
    assert ("2026-02-04" in english) == ("2026-02-04" in chinese) == ("{day}" in sentences[0])


def test_nothing_is_without_words() -> None:
    assert words.NEWS.keys() == set(get_args(News))
    assert words.REPLIES.keys() == set(get_args(Reply)) > words.REFUSED


@pytest.mark.parametrize(("is_settled", "said"), [(True, "was settled"), (False, "The amount")])
@pytest.mark.parametrize("counts_from", [None, date(2026, 2, 4)])
def test_of_a_change_the_one_that_happened_is_told(is_settled: bool, said: str, counts_from: date | None) -> None:
    english, chinese = words.news_of("changed", counts_from, is_settled=is_settled)
    assert said in english
    assert ("2026-02-04" in english) == ("2026-02-04" in chinese) == (counts_from is not None)
