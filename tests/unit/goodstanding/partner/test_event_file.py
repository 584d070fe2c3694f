"""A file as messages: rows under their header, members of a list, and the number of each event."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
from msgspec import structs

from goodstanding.errors import UserError
from goodstanding.partner.event_file import lines_in, messages_of
from goodstanding.partner.sample_file import sample_of
from goodstanding.partner.verdicts import Line
from services.ingest.core.mapping import PartnerMapping, Text
from services.ingest.core.members import EVENTS_MAX
from services.ingest.loading import load_mapping
from shared.settings import ROOT

PARTNERS = ROOT / "docs" / "examples" / "partners"
HEADER = b"ride_id,rider,ended_at\n"
BIKE = load_mapping(PARTNERS / "bike-share.toml")
WALLET = load_mapping(PARTNERS / "wallet.toml")
COURT = load_mapping(ROOT / "partners" / "court-feed.toml")


def messages(content: bytes, mapping: PartnerMapping) -> list[Line]:
    return messages_of(content, mapping, Path("events"))


def test_rows_of_a_table_go_with_their_header_and_keep_the_numbers_of_their_lines() -> None:
    [message] = messages(b"\xef\xbb\xbf" + HEADER + b'A,"x\ny",1\n\n,,\nB,z,2', BIKE)
    assert message.value == HEADER + b'A,"x\ny",1\nB,z,2\n'
    assert message.numbers == (2, 6)
    assert [message.number_of(index) for index in (0, 1, None)] == [2, 6, 2]


def test_a_long_table_is_several_messages_each_as_large_as_one_may_be() -> None:
    rows = [b"%d,x,1\n" % number for number in range(2 * EVENTS_MAX + 1)]
    found = messages(HEADER + b"".join(rows), BIKE)
    assert [len(each.numbers) for each in found] == [EVENTS_MAX, EVENTS_MAX, 1]
    assert all(each.value.startswith(HEADER) for each in found)
    assert found[2].value == HEADER + rows[-1]
    wide = messages(HEADER + b"".join(b"%d,%s,1\n" % (n, b"x" * 100_000) for n in range(21)), BIKE)
    assert [len(each.numbers) for each in wide] == [10, 10, 1]
    assert all(len(each.value) <= 1024 * 1024 for each in wide)


BANK = load_mapping(PARTNERS / "bank-us.toml")
BANK_HEADER = "Customer,Details,Posting Date,Description,Amount,Type,Balance,Check or Slip #\n"


def payment(number: int, slip: int = 0) -> str:
    return f"x,DEBIT,03/04/2024,DEMO {number},-1.00,ACH_DEBIT,,{slip}\n"


def test_rows_that_only_a_digest_tells_apart_go_in_one_message() -> None:
    """In another message the second of two equal payments would be the first one once more (rules E22)."""
    rows = [payment(number) for number in range(EVENTS_MAX)]
    content = BANK_HEADER + "".join([*rows, payment(5, slip=1), payment(EVENTS_MAX), payment(5, slip=2)])
    found = messages(content.encode(), BANK)
    assert [len(each.numbers) for each in found] == [EVENTS_MAX, 3]
    alike = [number for number in (7, EVENTS_MAX + 2, EVENTS_MAX + 4) if number in found[0].numbers]
    assert alike == [7, EVENTS_MAX + 2, EVENTS_MAX + 4]
    assert [found[0].number_of(index) for index in (5, 6, 7, 8)] == [7, EVENTS_MAX + 2, EVENTS_MAX + 4, 8]
    assert sorted(number for each in found for number in each.numbers) == list(range(2, EVENTS_MAX + 5))


def test_more_equal_rows_than_a_message_may_have_cannot_be_told_apart() -> None:
    content = BANK_HEADER + "".join(payment(5) for _ in range(EVENTS_MAX + 1))
    with pytest.raises(UserError, match="Line 2 of events and 1000 further ones are one event"):
        messages(content.encode(), BANK)


def test_members_that_only_a_digest_tells_apart_go_in_one_message() -> None:
    mapping = msgspec.structs.replace(WALLET, id=Text(function="digest", paths=("at", "sum.value")))
    members = [{"at": n, "sum": {"value": 1}, "n": n} for n in range(EVENTS_MAX)]
    members += [{"at": 5, "sum": {"value": 1}, "n": -1}, {"at": 5, "sum": {"value": 2}, "n": -2}]
    found = messages(json.dumps(members).encode(), mapping)
    assert [each["n"] for each in json.loads(found[0].value)[4:8]] == [4, 5, -1, 6]
    assert [each["n"] for each in json.loads(found[1].value)] == [EVENTS_MAX - 1, -2]
    assert found[1].numbers == (EVENTS_MAX, EVENTS_MAX + 2)


def test_what_stands_before_a_header_goes_with_no_message() -> None:
    mapping = msgspec.structs.replace(BIKE, preamble=True)
    letter = b'Trips of,July\n\n"Printed on\n1 August"\nA rider,of yours\n'
    rows = [b"%d,x,1\n" % number for number in range(EVENTS_MAX + 1)]
    found = messages(letter + HEADER + b"".join(rows), mapping)
    assert [each.value for each in found] == [HEADER + b"".join(rows[:-1]), HEADER + rows[-1]]
    assert found[0].numbers[0] == 7
    assert messages(b"no,table\n", mapping) == []


@pytest.mark.parametrize(
    ("lines", "broken"),
    [
        (['A,"x', "B,z,2"], [2]),  # never closed
        (["A,x,1", 'B,"x; y,2', 'C,"z; z",3', "D,x,4"], [3]),  # what closes it stands in the midst of a cell
        (['A,"x"y,1', "B,z,2", 'C,z,"3', "D,z,4"], [2, 4]),
        (['A,"two', 'lines",1', 'B,"x'], [4]),
        (["A,x,1", "", "B,z,2"], []),
    ],
)
def test_a_line_that_is_no_csv_goes_alone_for_ingest_to_say_so(lines: list[str], broken: list[int]) -> None:
    found = messages(HEADER + "\n".join([*lines, ""]).encode(), BIKE)
    assert [each.number for each in found[-len(broken) :]] == broken or not broken
    for each in found[-len(broken) :] if broken else ():
        assert each.value == HEADER + f"{lines[each.number - 2]}\n".encode()
    sound = b"".join(each.value.removeprefix(HEADER) for each in found[: len(found) - len(broken)])
    gone = [line for number, line in enumerate(lines, 2) if line and number not in broken]
    assert sound.decode() == "".join(f"{line}\n" for line in gone)


def test_members_of_an_array_are_counted_through_the_file() -> None:
    members = [{"n": number} for number in range(EVENTS_MAX + 2)]
    found = messages(json.dumps(members, indent=1).encode(), WALLET)
    assert [len(each.numbers) for each in found] == [EVENTS_MAX, 2]
    assert json.loads(found[1].value) == members[EVENTS_MAX:]
    assert found[1].numbers == (EVENTS_MAX + 1, EVENTS_MAX + 2)


def test_arrays_on_lines_are_messages_as_they_are() -> None:
    found = messages(b'[{"a":1},{"a":2}]\n{}\n[]\n[{"a":3}]\n', WALLET)
    assert [each.value for each in found] == [b'[{"a":1},{"a":2}]', b"{}", b"[]", b'[{"a":3}]']
    assert [each.numbers for each in found] == [(1, 2), (3,), (4,), (5,)]


def test_a_line_of_the_mappings_own_column_names_is_passed_over_and_another_is_an_error() -> None:
    columns = COURT.columns  # type: ignore[union-attr]  # the court sends tables
    row = ";".join(["x"] * len(columns))
    [line] = messages(f"{';'.join(columns)}\r\n{row}\r\n".encode(), COURT)
    assert (line.number, line.value) == (2, f"{row}\r".encode())
    other = ";".join(reversed(tuple(columns)))
    with pytest.raises(UserError, match="names columns that are not those of the mapping"):
        messages(f"{other}\n{row}\n".encode(), COURT)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize(
    ("mapping", "remedy"),
    [(BIKE, 'Say so in the mapping: encoding = "utf-16"'), (WALLET, "Write one event on each line, in UTF-8.")],
    ids=["a table", "JSON"],
)
def test_a_file_in_utf_16_is_known_with_its_mark_and_without(
    encoding: str, mapping: PartnerMapping, remedy: str
) -> None:
    content = (HEADER + b"A,x,1\n").decode().encode(encoding)
    with pytest.raises(UserError) as error:
        lines_in(content, Path("events"), mapping)
    assert str(error.value).startswith("events is written in UTF-16.")
    assert remedy in str(error.value)


@pytest.mark.parametrize("encoding", ["utf-32", "utf-32-le", "utf-32-be"])
@pytest.mark.parametrize(
    ("mapping", "remedy"),
    [
        (BIKE, "Write it in UTF-8."),
        (load_mapping(PARTNERS / "bank-german.toml"), "Write it in UTF-8."),
        (WALLET, "Write one event on each line, in UTF-8."),
    ],
    ids=["a table", "one that may be in UTF-16", "JSON"],
)
def test_utf_32_is_not_told_as_utf_16(encoding: str, mapping: PartnerMapping, remedy: str) -> None:
    content = (HEADER + b"A,x,1\n").decode().encode(encoding)
    with pytest.raises(UserError) as error:
        lines_in(content, Path("events"), mapping)
    assert str(error.value).startswith("events is written in UTF-32.")
    assert remedy in str(error.value)


CARD = load_mapping(ROOT / "partners" / "bank.toml")
LINES = b'{"a": 1}\r{"b": 2}\r'


@pytest.mark.parametrize(
    ("content", "mapping"),
    [
        (LINES, CARD),
        (b"[{}]\r[{}]", WALLET),
        (b"C-1,x\rC-2,y\r", structs.replace(BIKE, header=False, columns=("a", "b"))),
        (b"0001\r0002\r", load_mapping(PARTNERS / "metro2.toml")),
    ],
    ids=["JSON", "lists", "a table without a header", "fixed width"],
)
def test_lines_that_end_with_cr_alone_are_told_once(content: bytes, mapping: PartnerMapping) -> None:
    with pytest.raises(UserError) as error:
        lines_in(content, Path("events"), mapping)
    assert str(error.value) == "The lines of events end with CR alone, as old Macs write them. Have each end with LF."
    assert lines_in(content.replace(b"\r", b"\n"), Path("events"), mapping)
    assert lines_in(content.replace(b"\r", b"\r\n"), Path("events"), mapping)


def test_a_sample_whose_lines_end_with_cr_alone_is_called_that() -> None:
    with pytest.raises(UserError, match="The lines of events end with CR alone"):
        sample_of(LINES, "events")


def test_cr_is_no_fault_where_no_line_has_to_end() -> None:
    table = lines_in(HEADER.replace(b"\n", b"\r") + b"A,x,1\rB,y,2\r", Path("events"), BIKE)
    assert [each.numbers for each in table] == [(2, 3)]
    assert [each.number for each in lines_in(b'{\r"a": 1\r}\r', Path("events"), CARD)] == [1]
    assert sample_of(b'{\r"a": 1\r}\r', "events").fields == ["a"]


_EVENT: dict[str, object] = {"specversion": "1.0", "id": "e-1", "data": {"amount": 7, "what": ["a"]}}
ON_LINES = {
    "one event": json.dumps(_EVENT, indent=2),
    "events behind each other": "\n".join([json.dumps(_EVENT, indent=2)] * 3),
    "behind a mark": "\ufeff" + json.dumps(_EVENT, indent="\t"),
    "with the first field on the first line": json.dumps(_EVENT, indent=1).replace("{\n ", "{", 1),
    "with a slip in it": json.dumps(_EVENT, indent=2).replace('"e-1"', "e-1"),
    "with text that is no UTF-8 behind it": json.dumps(_EVENT, indent=2) + "\udcff",
}


@pytest.mark.parametrize("name", ON_LINES)
def test_events_that_are_laid_out_on_lines_are_told_once(name: str) -> None:
    content = ON_LINES[name].encode(errors="surrogateescape")
    with pytest.raises(UserError) as error:
        lines_in(content, Path("my events"), CARD)
    assert str(error.value).startswith("An event of my events stands on several lines.")
    assert "jq --compact-output . 'my events'" in str(error.value)


def test_messages_with_a_list_that_are_laid_out_on_lines_are_told_once_unless_there_is_one() -> None:
    message = json.dumps([{"n": 1}, {"n": 2}], indent=2)
    assert [each.numbers for each in messages(message.encode(), WALLET)] == [(1, 2)]
    assert lines_in(message.encode(), Path("events"), WALLET)[0].numbers == (1, 2)
    with pytest.raises(UserError, match="A message of events stands on several lines"):
        lines_in(f"{message}\n{message}".encode(), Path("events"), WALLET)


@pytest.mark.parametrize(
    "content", [b'{"a": 1}\n{\n', b'{"a": \n{"b": 2}\n', b"x\n{}\n", b'{"a": 1} {"b": 2}\n', b"[1\n"]
)
def test_a_broken_line_is_ingests_to_refuse(content: bytes) -> None:
    assert len(lines_in(content, Path("events"), CARD)) == len(content.splitlines())


def test_a_header_that_is_no_csv_is_said_to_be_none() -> None:
    """And not that the file has no events."""
    german = load_mapping(PARTNERS / "bank-german.toml")
    with pytest.raises(UserError, match="Line 1 of events should name the columns, with `;` between them"):
        messages(b'"Kunde","Betrag"\n"x","-1,00"\n', german)
