"""Errors in TOML files name file, line and key, however the file is written."""

from __future__ import annotations

import os
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from shared import toml_file
from shared.toml_file import ConfigError, error_at, load, text_of
from shared.type_faults import KeyPath


class Unit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    places: int = 0


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    points: int
    share: Decimal = Decimal(0)
    unit: Unit | None = None

    def __post_init__(self) -> None:
        if self.points > 600:
            raise ValueError("a rule has at most 600 points")


class Policy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    rules: list[Rule] = []
    kinds: dict[str, Unit] = {}
    bands: dict[str, list[dict[str, int]]] = {}


def _file(directory: Path, text: str) -> Path:
    path = directory / "policy.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_becomes_a_value(tmp_path: Path) -> None:
    text = '[[rules]]\npoints = 3\nshare = 0.10\n[kinds]\n"card.bill" = { name = "fen", places = 2 }\n'
    assert load(_file(tmp_path, text), Policy) == Policy(
        rules=[Rule(points=3, share=Decimal("0.10"))], kinds={"card.bill": Unit("fen", 2)}
    )


ERRORS = [
    ("wrong type at the top", "rules = 3", 1, "rules", "Expected `array`, got `int`."),
    (
        "unknown key at the top",
        "# a\n\nrulse = []",
        3,
        "rulse",
        "Object contains unknown field `rulse`. The nearest is `rules`.",
    ),
    ("unknown key like none", "zzz = []", 1, "zzz", "Object contains unknown field `zzz`."),
    ("array of tables", "[[rules]]\npoints = 1\n[[rules]]\npoints = '2'", 4, "rules[1].points", "Expected `int`, got"),
    (
        "missing key: the table's line",
        "[[rules]]\npoints = 1\n\n[[rules]]\nshare = 1.0",
        4,
        "rules[1]",
        "Object missing",
    ),
    (
        "rule of the type",
        "[[rules]]\npoints = 1\n[[rules]]\npoints = 601",
        3,
        "rules[1]",
        "a rule has at most 600 points.",
    ),
    (
        "table in an array of tables",
        "[[rules]]\npoints = 1\n[rules.unit]\nname = 1",
        4,
        "rules[0].unit.name",
        "Expected `str`",
    ),
    ("dotted key", "[[rules]]\npoints = 1\nunit.name = 1", 3, "rules[0].unit.name", "Expected `str`"),
    (
        "inline array over lines",
        "rules = [\n  {points = 1},\n  # no\n  {points = 1.5},\n]",
        4,
        "rules[1].points",
        "Expected",
    ),
    ("key of a mapping", '[kinds]\na = {name = "x"}\n"b.c" = {name = 1}', 3, 'kinds."b.c".name', "Expected `str`"),
    (
        "table of a mapping",
        '[kinds.a]\nname = "x"\n[kinds."b.c"]\nname = "y"\nplace = 1',
        5,
        'kinds."b.c".place',
        "Object",
    ),
    (
        "mapping in a mapping",
        "[bands]\nlow = [{a = 1}]\nhigh = [{a = 1}, {b = 2, c = 'x'}]",
        3,
        "bands.high[1].c",
        "Expected",
    ),
    ("same complaint twice: the first", "[kinds]\na = {name = 1}\nb = {name = 2}", 2, "kinds.a.name", "Expected `str`"),
    (
        "after a text over lines",
        '[kinds.a]\nname = """\n[kinds.b]\nname = 1\n"""\nplaces = "x"',
        6,
        "kinds.a.places",
        "Expected",
    ),
    ("after a literal over lines", "[kinds.a]\nname = '''\n'''''\nplaces = 'x'", 4, "kinds.a.places", "Expected"),
    ("windows line ends", "[kinds.a]\r\nname = 'x'\r\nplaces = 'x'\r\n", 3, "kinds.a.places", "Expected"),
    ("syntax", "[kinds]\na = {name = 'x'}\nb = nope\n", 3, "", "The file is not TOML: Invalid value."),
    ("no day", "[kinds]\na = 2026-02-30\n", 2, "", "The calendar does not have the day 2026-02-30."),
    ("no month", "a = 2026-12-31\nb = 2026-13-01\n", 2, "", "The calendar does not have the day 2026-13-01."),
    ("syntax at the end", "[kinds]\na = [1,\n", 2, "", "The file is not TOML: Invalid value"),
    (
        "same key twice",
        "[kinds]\na = {name = 'x'}\n\na = {name = 'x'}",
        4,
        "",
        "The file is not TOML: Cannot overwrite",
    ),
    # What the grammar allows and Python cannot read.
    ("whole number of 5,000 digits", f"a = {'9' * 5_000}", 1, "", "A number in the file has more digits"),
    ("exponent of 20 digits", f"a = 1e{'9' * 20}", 1, "", "A number in the file has more digits"),
    ("arrays in arrays", f"a = {'[' * 5_000}{']' * 5_000}", 1, "", "Its tables or arrays are nested too deeply."),
    ("tables in tables", f"a = {'{b = ' * 5_000}1{'}' * 5_000}", 1, "", "Its tables or arrays are nested too deeply."),
]


@pytest.mark.parametrize(("text", "line", "key", "sentence"), [case[1:] for case in ERRORS], ids=[c[0] for c in ERRORS])
def test_error(tmp_path: Path, text: str, line: int, key: str, sentence: str) -> None:
    path = tmp_path / "policy.toml"
    path.write_bytes(text.encode())
    with pytest.raises(ConfigError) as caught:
        load(path, Policy)
    error = caught.value
    assert (error.file, error.line, error.key) == (path, line, key)
    assert error.sentence.startswith(sentence)
    assert str(error) == f"{path}:{line}: {key + ': ' if key else ''}{error.sentence}"


def test_a_pipe_is_not_read_since_it_can_be_read_once(tmp_path: Path) -> None:
    """And one into which nobody writes would be waited for without end."""
    os.mkfifo(tmp_path / "pipe")
    for file in (tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(ConfigError, match="This is a pipe or a device"):
            text_of(file)


def test_what_is_longer_than_any_such_file_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toml_file, "_CHARACTERS_MAX", 10)
    (tmp_path / "file").write_text("a" * 10)
    assert text_of(tmp_path / "file") == "a" * 10
    (tmp_path / "file").write_text("a" * 11)
    with pytest.raises(ConfigError, match="longer than any of this kind"):
        text_of(tmp_path / "file")


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.toml:1: The file cannot be read: No such file"):
        load(tmp_path / "none.toml", Policy)
    (tmp_path / "latin.toml").write_bytes(b"# caf\xe9")
    with pytest.raises(ConfigError, match=r"latin\.toml:1: The file is not UTF-8\."):
        load(tmp_path / "latin.toml", Policy)


@pytest.mark.parametrize(
    ("key", "line", "shown"),
    [
        (("rules", 1, "points"), 4, "rules[1].points"),
        (("rules", 1, "unit", "name"), 3, "rules[1].unit.name"),  # not there: the nearest table around it
        (("kinds", "b c"), 6, 'kinds."b c"'),
        (("nowhere",), 1, "nowhere"),
        ((), 1, ""),
    ],
)
def test_a_rule_of_the_callers_own_has_a_line_too(tmp_path: Path, key: KeyPath, line: int, shown: str) -> None:
    path = _file(tmp_path, '[[rules]]\npoints=1\n[[rules]]\npoints=2\n[kinds]\n"b c" = {name="x"}\n')
    error = error_at(path, key, "That will not do.")
    assert (error.line, error.key, error.sentence) == (line, shown, "That will not do.")


@pytest.mark.parametrize(
    ("key", "code"),
    [
        (("tiers", 1, "from"), "high"),
        (("tiers", 1, "benefits", 0, "code"), "bike"),
        (("tiers", 0, "benefits", 0, "name"), "low"),  # what has no code goes by what it is in
        (("tiers", 2, "from"), ""),  # no code that people could read on one line
        (("tiers", 3, "from"), ""),
        (("code",), ""),
    ],
)
def test_who_has_a_code_is_named_by_it_since_nobody_counts_to_the_thirtieth_rule(
    tmp_path: Path, key: KeyPath, code: str
) -> None:
    benefits = ('[{ name = "a bike" }]', '[{ code = "bike" }]')
    tiers = [f'code = "{name}"\nfrom = 1\nbenefits = {of}' for name, of in zip(("low", "high"), benefits, strict=True)]
    text = "\n".join(['code = "x"', *(f"[[tiers]]\n{each}" for each in [*tiers, 'code = "a\\nb"\nfrom = 1'])])
    error = error_at(_file(tmp_path, text), key, "No.")
    assert error.code == code
    assert str(error).endswith(f"{error.key} ({code}): No." if code else f"{error.key}: No.")


def test_a_fault_of_a_type_names_the_code_as_well(tmp_path: Path) -> None:
    class Coded(msgspec.Struct, frozen=True):
        code: str
        points: int

    text = 'rules = [{ code = "one", points = 1 }, { code = "two", points = "2" }]'
    with pytest.raises(ConfigError, match=r": rules\[1\]\.points \(two\): Expected `int`") as raised:
        load(_file(tmp_path, text), dict[str, list[Coded]])
    assert (raised.value.key, raised.value.code) == ("rules[1].points", "two")


def test_a_byte_order_mark_is_passed_over_and_moves_no_line(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_bytes(b"\xef\xbb\xbf[[rules]]\r\npoints = 3\r\n")
    assert load(path, Policy) == Policy(rules=[Rule(points=3)])
    path.write_bytes(b"\xef\xbb\xbf[[rules]]\r\npoints = '3'\r\n")
    with pytest.raises(ConfigError) as caught:
        load(path, Policy)
    assert (caught.value.line, caught.value.key) == (2, "rules[0].points")


@pytest.mark.parametrize("parts", [100, 1_000, 50_000])
@pytest.mark.parametrize(
    "written", ["{} = 1", "x = 1\n[{}]", "[[{}]]", "x = {{ {} = 1 }}", "x = [ 1, {{ y = 2, {} = 1 }}]"]
)
@pytest.mark.parametrize("part", ["a", '"b c"', "'d' "])
def test_a_key_of_too_many_parts_is_refused_before_it_is_read(
    tmp_path: Path, written: str, parts: int, part: str
) -> None:
    """What is kept of such a key grows with the square of its parts: of 50,000 that were ten gigabytes."""
    text = written.format(".".join([part] * parts))
    (file := tmp_path / "deep.toml").write_text(text)
    with pytest.raises(ConfigError, match="nested too deeply") as raised:
        load(file, dict)
    assert raised.value.line == text.count("\n") + 1


def test_many_dots_in_a_text_are_no_key(tmp_path: Path) -> None:
    text = f'# {"a." * 100}\nx = "{"b." * 100}"\ny = [1.5, "{"c." * 100}"]'
    (file := tmp_path / "dots.toml").write_text(text)
    assert load(file, dict)["x"] == "b." * 100
