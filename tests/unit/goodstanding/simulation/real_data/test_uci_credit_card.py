"""The adapter as a table: what a row says of a month becomes these events, and a malformed row is named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from goodstanding.simulation.real_data.adapters import adapters
from goodstanding.simulation.real_data.source import DataError
from goodstanding.simulation.real_data.uci_credit_card import MONTHS

HEADER = "ID,X1,X2,X3,X4,X5,X6,X7,X8,X9,X10,X11,X12,X13,X14,X15,X16,X17,X18,X19,X20,X21,X22,X23,Y"


def row(
    *, number: object = 7, demographics: tuple[int, int, int] = (2, 1, 24), education: object = 2, status: str = "0" * 6
) -> str:
    """A row whose status of April to September is given as six characters (`-` is -2); 100 billed and 40 paid."""
    months = ["-2" if each == "-" else each for each in status]
    sex, marriage, age = demographics
    cells = [number, "2.00E+05", sex, education, marriage, age, *reversed(months), *["100"] * 6, *["40"] * 6, 0]
    return ",".join(map(str, cells))


def written(directory: Path, *rows: str) -> Path:
    file = directory / "cards.csv"
    file.write_text("\n".join([HEADER, *rows]) + "\n")
    return file


def events_of(file: Path, month: int) -> list[dict[str, object]]:
    source = adapters()["uci-credit-card"](file)
    return [json.loads(event.value) for event in source.events(month)]


def outcomes(directory: Path, status: str) -> list[list[tuple[object, ...]]]:
    """Month by month: what the bank says of how the statement was kept."""
    file = written(directory, row(status=status, education=4))
    told: list[list[tuple[object, ...]]] = []
    for month in MONTHS:
        told.append([])
        for event in events_of(file, month):
            data = event["data"]
            assert isinstance(data, dict)
            if event["type"] == "card.statement.cleared":
                told[-1].append(("late", data["days_past_due"]))
            elif event["type"] == "card.overdue.reported":
                told[-1].append((data["state"], data["overdue_since"], data.get("paid_on")))
    return told


# Customer 7 is billed on the 4th.
@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("000000", [[("late", 0)]] * 6),
        ("-01230", [[("late", 0)], [("late", 0)], [("late", 30)], [("late", 60)], [("late", 90)], [("late", 0)]]),
        # Beyond 90 days it is a record and no behavior, reported once, settled when it is over.
        (
            "234500",
            [
                [("late", 60)],
                [("late", 90)],
                [("open", "2005-02-04", None)],
                [],
                [("paid", "2005-02-04", "2005-08-04"), ("late", 0)],
                [("late", 0)],
            ],
        ),
        (
            "800000",
            [[("open", "2004-08-07", None)], [("paid", "2004-08-07", "2005-05-04"), ("late", 0)], *[[("late", 0)]] * 4],
        ),
        ("000004", [*[[("late", 0)]] * 5, [("open", "2005-05-07", None)]]),
        # Two records of one customer are two.
        (
            "404000",
            [
                [("open", "2004-12-05", None)],
                [("paid", "2004-12-05", "2005-05-04"), ("late", 0)],
                [("open", "2005-02-04", None)],
                [("paid", "2005-02-04", "2005-07-04"), ("late", 0)],
                [("late", 0)],
                [("late", 0)],
            ],
        ),
    ],
)
def test_the_outcome_of_each_month(tmp_path: Path, status: str, expected: list[list[tuple[object, ...]]]) -> None:
    assert outcomes(tmp_path, status) == expected


@pytest.mark.parametrize(
    ("billed", "paid", "status", "types"),
    [
        (100, 40, "0", ["card.payment.booked", "card.statement.issued", "card.statement.cleared"]),
        (100, 0, "0", ["card.statement.issued", "card.statement.cleared"]),
        (100, 0, "-2", ["card.statement.issued", "card.statement.cleared"]),
        (0, 0, "-2", []),
        (-5, 40, "-2", ["card.payment.booked"]),
        (-5, 0, "-1", ["card.statement.issued", "card.statement.cleared"]),
    ],
)
def test_what_a_month_consists_of(tmp_path: Path, billed: int, paid: int, status: str, types: list[str]) -> None:
    cells = row(education=5).split(",")
    cells[11], cells[17], cells[23] = status, str(billed), str(paid)
    told = events_of(written(tmp_path, ",".join(cells)), MONTHS[0])
    assert [event["type"] for event in told] == types


def test_a_balance_in_the_customers_favor_is_nothing_to_pay(tmp_path: Path) -> None:
    cells = row(education=5).split(",")
    cells[17] = "-326"
    told = events_of(written(tmp_path, ",".join(cells)), MONTHS[0])
    assert [event["data"]["amount"]["minor"] for event in told] == [4000, 0, 0]  # type: ignore[index]  # JSON of a known shape


def test_each_statement_names_the_limit_and_nothing_else_does(tmp_path: Path) -> None:
    file = written(tmp_path, row())
    told = {
        (event["type"], str(event["data"].get("credit_limit")))  # type: ignore[attr-defined]  # JSON of a known shape
        for month in MONTHS
        for event in events_of(file, month)
    }
    limit = str({"minor": 20_000_000, "currency": "TWD"})
    assert {type for type, named in told if named != "None"} == {"card.statement.issued"}
    assert ("card.statement.issued", limit) in told
    assert ("card.statement.issued", "None") not in told


@pytest.mark.parametrize(
    ("education", "degree"), [(1, "master"), (2, "bachelor"), (3, "secondary"), (0, None), (4, None), (6, None)]
)
def test_education_is_told_once(tmp_path: Path, education: int, degree: str | None) -> None:
    file = written(tmp_path, row(education=education))
    told = [
        event["data"]["degree"]  # type: ignore[index]  # JSON of a known shape
        for month in MONTHS
        for event in events_of(file, month)
        if event["type"] == "customer.education.verified"
    ]
    assert told == ([degree] if degree else [])


def test_sex_marital_status_and_age_change_nothing(tmp_path: Path) -> None:
    one, other = (written(tmp_path, row(demographics=given)) for given in ((1, 1, 20), (2, 3, 79)))
    assert [events_of(one, month) for month in MONTHS] == [events_of(other, month) for month in MONTHS]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("ID", "x"),
        ("ID", "-1"),
        ("X1", "-1"),
        ("X1", ""),
        ("X6", "10"),
        ("X6", "-3"),
        ("X11", ""),
        ("X12", "1.5"),
        ("X17", "NaN"),
        ("X17", "1E400"),
        ("X17", "9" * 5000),
        ("X18", "-1"),
        ("X3", "7"),
        ("Y", "2"),
    ],
)
def test_a_malformed_value_is_named_by_line_and_column(tmp_path: Path, column: str, value: str) -> None:
    cells = row(number=9).split(",")
    cells[HEADER.split(",").index(column)] = value
    file = written(tmp_path, row(), ",".join(cells))
    with pytest.raises(DataError, match=rf"cards\.csv:3: column {column}: a whole number from -?\d+ to \d+ is needed"):
        adapters()["uci-credit-card"](file)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", r":1: column ID: the header must be"),
        (HEADER.replace("X6,", "PAY_0,") + "\n", r":1: column X6: the header must be"),
        (f"{HEADER}\n{row()},1\n", r":2: the row has 26 values, not 25"),
        (f"{HEADER}\n{row()}\n{row()}\n", r":3: column ID: another row has the same number"),
    ],
)
def test_a_file_of_another_shape_is_named(tmp_path: Path, content: str, message: str) -> None:
    file = tmp_path / "cards.csv"
    file.write_text(content)
    with pytest.raises(DataError, match=message):
        adapters()["uci-credit-card"](file)
