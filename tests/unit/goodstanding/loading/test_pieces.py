"""Files come apart into pieces that go together again, whatever their format and however they are packed."""

from __future__ import annotations

import gzip
import io
import json
from pathlib import Path

import cramjam
import pytest

from goodstanding.errors import UserError
from goodstanding.loading.pieces import Piece, Pieces, messages, read
from goodstanding.loading.unpacked import unpacked
from goodstanding.partner.event_file import messages_of
from goodstanding.partner.mapping_files import mapping_of
from services.ingest.core.mapping import CsvMapping, JsonMapping, PartnerMapping, Text
from services.ingest.loading import load_mapping
from shared.settings import ROOT

TABLE = 'id,name,fare\n1,"a, b",2\n\n2,"two\nlines",3\n3,c,4'
HEADER = CsvMapping(header=True, id="id", time="id", subject="id", kind="id", events=())
NAMED = CsvMapping(columns=("id", "name"), id="id", time="id", subject="id", kind="id", events=())
ARRAY = JsonMapping(envelope="none", list=".", id="id", time="id", subject="id", kind="id", events=())
NESTED = JsonMapping(envelope="none", list="b.c", id="id", time="id", subject="id", kind="id", events=())
FILE = Path("events")


def pieces(content: bytes, mapping: PartnerMapping) -> tuple[bytes, list[Piece]]:
    head, found = read(io.BytesIO(content), mapping, FILE)
    return head, list(found)


def test_a_table_comes_apart_into_its_rows() -> None:
    head, found = pieces(TABLE.encode(), HEADER)
    assert head == b"id,name,fare\n"
    assert found == [Piece(2, b'1,"a, b",2\n'), Piece(4, b'2,"two\nlines",3\n'), Piece(6, b"3,c,4\n")]


def test_a_row_that_is_no_csv_takes_no_other_one_with_it() -> None:
    _, found = pieces(b'id,name\n1,"a"x\n2,b\n', HEADER)
    assert found == [Piece(2, b'1,"a"x\n'), Piece(3, b"2,b\n")]
    _, found = pieces(b'id,name\n1,"a\n2,"b; b"\n3,c\n4,"d\n5,e', HEADER)
    assert [piece.number for piece in found] == [2, 3, 4, 5, 6]
    assert b"".join(piece.value for piece in found) == b'1,"a\n2,"b; b"\n3,c\n4,"d\n5,e\n'


FIXED = load_mapping(ROOT / "docs" / "examples" / "partners" / "metro2.toml")


@pytest.mark.parametrize(
    ("content", "mapping"),
    [
        (b'{"a": 1}\r{"a": 2}\r', mapping_of("city")),
        (b"[{}]\r[{}]", ARRAY),
        (b"1,x\r2,y\r", NAMED),
        (b"0001\r0002\r", FIXED),
    ],
    ids=["JSON", "lists", "a table without a header", "fixed width"],
)
def test_lines_that_end_with_cr_alone_are_told(content: bytes, mapping: PartnerMapping) -> None:
    with pytest.raises(UserError, match="The lines of events end with CR alone"):
        pieces(content, mapping)
    assert len(pieces(content.replace(b"\r", b"\n"), mapping)[1]) == 2
    assert len(pieces(content.replace(b"\r", b"\r\n"), mapping)[1]) == 2


def test_cr_is_no_fault_where_no_line_has_to_end() -> None:
    assert [piece.number for piece in pieces(TABLE.encode().replace(b"\n", b"\r"), HEADER)[1]] == [2, 4, 6]
    assert pieces(b'1,"x\ry"\n2,z\n', NAMED)[1] == [Piece(1, b'1,"x\ry"'), Piece(2, b"2,z")]
    assert len(pieces(b'{\r"a": 1}\r', mapping_of("city"))[1]) == 1
    large = b"[" + b",\r".join([b'{"a": "%s"}' % bytes(1000).hex().encode()] * 1100) + b"]"
    assert len(pieces(large, ARRAY)[1]) == 1100


def test_an_array_comes_apart_into_its_members() -> None:
    _, found = pieces(b'\xef\xbb\xbf[{"a": 1},\n {"a": [2]}]', ARRAY)
    assert found == [Piece(1, b'{"a": 1}'), Piece(2, b'{"a": [2]}')]
    _, found = pieces(b"[1, 2]\n[3]\nno\n", ARRAY)
    assert found == [Piece(1, b"1"), Piece(2, b"2"), Piece(3, b"3"), Piece(4, b"no", is_message=True)]


def test_a_line_without_a_list_goes_as_it_is_where_the_mapping_says_a_list() -> None:
    """Joined with others it would be taken, and the same line would be refused of whoever sends it."""
    content = b'[{"a": 1}, {"a": 2}]\n{"a": 3}\n[]\n[{"a": 4}]\n'
    head, found = pieces(content, ARRAY)
    made = [line.value for line in messages(ARRAY, head, found)]
    assert made == [b'{"a": 3}', b"[]", b'[{"a": 1},{"a": 2},{"a": 4}]']


def test_what_stands_before_the_header_is_no_row() -> None:
    content = b'Account;"1 234"\n\nFrom;2026-01-01\nid;name\n1;a\n2;b\n'
    mapping = CsvMapping(
        header=True,
        preamble=True,
        delimiter=";",
        ignore=("name",),
        id="id",
        time="id",
        subject="id",
        kind="id",
        events=(),
    )
    head, found = pieces(content, mapping)
    assert (head, found) == (b"id;name\n", [Piece(5, b"1;a\n"), Piece(6, b"2;b\n")])
    [made] = messages(mapping, head, found)
    [sent] = messages_of(content, mapping, FILE)
    assert made == sent


DIGEST = Text(function="digest", paths=("day", "sum"))


def test_alike_pieces_are_told_from_others_by_what_their_digest_reads() -> None:
    table = CsvMapping(header=True, id=DIGEST, time="day", subject="who", kind="day", events=())
    _, found = pieces(b"day,who,sum\n1,a,5\n1,b,6\n 1,c,5\n", table)
    assert found[0].alike == found[2].alike != found[1].alike
    array = JsonMapping(envelope="none", list=".", id=DIGEST, time="day", subject="who", kind="day", events=())
    _, found = pieces(b'[{"day": 1, "sum": 5}, {"day": 1, "sum": 6}]\n[{"sum": 5, "day": 1, "x": 2}]', array)
    assert found[0].alike == found[2].alike != found[1].alike


def test_a_message_that_has_its_list_elsewhere_stays_whole() -> None:
    content = b'{"b": {"c": [1, 2]}}\n{"b": {"c": [3]}}\n'
    assert pieces(content, NESTED)[1] == [Piece(1, b'{"b": {"c": [1, 2]}}', 2), Piece(3, b'{"b": {"c": [3]}}')]


def test_a_line_of_column_names_is_none_of_the_pieces() -> None:
    assert pieces(b"id,name\n1,a\n\n2,b\n", NAMED)[1] == [Piece(2, b"1,a"), Piece(4, b"2,b")]
    assert pieces(b"1,a\n2,b", NAMED)[1] == [Piece(1, b"1,a"), Piece(2, b"2,b")]


def test_a_line_without_an_end_is_cut_and_the_next_one_is_read() -> None:
    _, found = pieces(b"x" * 5_000_000 + b"\n{}\n", mapping_of("city"))
    assert [(piece.number, len(piece.value)) for piece in found] == [(1, 2 * 1024 * 1024), (2, 2)]


def test_another_encoding_is_told() -> None:
    with pytest.raises(UserError, match="not written in utf-8"):
        pieces("id\nMüller".encode("windows-1252"), HEADER)


@pytest.mark.parametrize(
    ("content", "mapping"),
    [
        (TABLE, HEADER),
        ("id,name\n" + "".join(f"{n},x\n" for n in range(2_500)), HEADER),
        ("id,name\n1,a\n2,b\n", NAMED),
        (json.dumps([{"n": n} for n in range(1_500)]), ARRAY),
        ('{"b": {"c": [1, 2]}}\n{"b": {"c": [3]}}\n', NESTED),
        ('{"partitionkey": "k"}\n\n{}\n', mapping_of("city")),
    ],
    ids=["table", "long table", "lines of a table", "array", "nested list", "lines"],
)
def test_what_goes_together_again_is_what_partner_send_sends(content: str, mapping: PartnerMapping) -> None:
    head, found = pieces(content.encode(), mapping)
    sent = messages_of(content.encode(), mapping, FILE)
    made = list(messages(mapping, head, found))
    assert [(line.number, line.key) for line in made] == [(line.number, line.key) for line in sent]
    assert [line.numbers for line in made if len(line.numbers) > 1] == [
        line.numbers for line in sent if len(line.numbers) > 1
    ]
    if mapping is not ARRAY:
        assert [line.value for line in made] == [line.value for line in sent]
    else:
        assert [json.loads(line.value) for line in made] == [json.loads(line.value) for line in sent]


def test_a_table_in_utf_16_goes_together_with_one_mark() -> None:
    mapping = CsvMapping(header=True, encoding="utf-16", id="id", time="id", subject="id", kind="id", events=())
    head, found = pieces("id,name\n1,ä\n2,b\n".encode("utf-16"), mapping)
    [line] = messages(mapping, head, found)
    assert line.value.decode("utf-16") == "id,name\n1,ä\n2,b\n"


PACKED = {
    "as it is": TABLE.encode(),
    "gzip": gzip.compress(TABLE.encode()),
    "zstd": bytes(cramjam.zstd.compress(TABLE.encode())),
}


@pytest.mark.parametrize("packed", PACKED.values(), ids=PACKED)
def test_a_packed_file_is_read_as_it_was(packed: bytes, tmp_path: Path) -> None:
    file = tmp_path / "events"
    file.write_bytes(packed)
    file.chmod(0o400)
    with unpacked(file, tmp_path) as content:
        assert content.read() == TABLE.encode()
    assert [path.name for path in tmp_path.iterdir()] == ["events"]


@pytest.mark.parametrize("packing", ["gzip", "zstd"])
def test_a_packed_file_that_is_cut_off_is_a_sentence(packing: str, tmp_path: Path) -> None:
    file = tmp_path / "events"
    file.write_bytes(PACKED[packing][:-5])
    with pytest.raises(UserError, match="damaged or cut off"), unpacked(file, tmp_path) as content:
        content.read()


def test_pieces_are_read_one_after_another() -> None:
    """A file is larger than memory: the second line is not looked at before the first one is taken."""
    content = io.BytesIO(b"{}\n" * 100_000)
    found: Pieces = read(content, mapping_of("city"), FILE)
    next(found.pieces)
    assert content.tell() < 100_000
