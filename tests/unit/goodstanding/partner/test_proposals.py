"""What a sample proposes: which field is what, and in which form, with and without slips in it."""

from __future__ import annotations

import pytest

from goodstanding.partner import proposals
from goodstanding.partner.sample_file import sample_of

DAYS = ["03.11.2026", "13.11.2026", "14.11.2026"]


@pytest.mark.parametrize(
    ("values", "forms"),
    [
        (DAYS, ["dd.MM.yyyy"]),
        ([*DAYS, "31.11.2026"], ["dd.MM.yyyy"]),
        ([*DAYS, "soon", "never", "later"], []),
        (["13/11/2026", "03/04/2026", "05/06/2026"], ["dd/MM/yyyy"]),
        (["03/04/2026", "05/06/2026"], ["MM/dd/yyyy", "dd/MM/yyyy", "M/d/yyyy"]),
        (["2026-11-03", "2026-11-31"], []),
        ([1_782_900_000, 1_782_900_001], ["epoch-seconds"]),
        ([], []),
    ],
)
def test_a_form_fits_most_of_the_values_and_no_other_form_more_of_them(values: list[object], forms: list[str]) -> None:
    assert proposals.forms_of(values) == forms


@pytest.mark.parametrize(
    ("events", "repeated", "ids"), [(20, 1, ["rideId"]), (20, 4, []), (3, 1, []), (3, 0, ["rideId"])]
)
def test_one_event_of_ten_may_repeat_an_id(events: int, repeated: int, ids: list[str]) -> None:
    rows = [f"{max(n, repeated)},x" for n in range(events)]
    sample = sample_of("\n".join(["rideId,what", *rows]).encode(), "sample")
    assert proposals.ids_of(sample, []) == ids


@pytest.mark.parametrize(
    ("values", "counts"),
    [
        (["3", "-2", "0"], True),
        ([3, 0, None], True),
        (["03.11.2026"], False),
        ([True], False),
        (["1", "x", "y"], False),
    ],
)
def test_days_late_are_whole_numbers(values: list[object], counts: bool) -> None:
    assert proposals.counts_days(values) is counts


@pytest.mark.parametrize(("text", "symbol"), [("$4.00", "$"), ("12,50 €", "€"), ("-3.50", ""), ("free", ""), ("", "")])
def test_what_stands_beside_an_amount(text: str, symbol: str) -> None:
    assert proposals.symbol_of(text) == symbol
