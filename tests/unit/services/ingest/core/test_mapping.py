"""What is wrong with a partner's file is said with file, line and key: a table of faults in one good mapping."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from services.ingest.core.normalize import Normalized, Refused, normalize
from services.ingest.loading import load_mapping, load_partner, load_partners, load_rates
from shared.contracts.faults import Code
from shared.contracts.messages import TYPES, BehaviorEvent
from shared.contracts.months import month_of_name
from shared.settings import ROOT
from shared.toml_file import ConfigError
from tests.support.ingest.raw_events import PERSON, RawEvent, structured
from tests.support.ingest.shipped import ARRIVED, DEPLOYMENT, PARTNERS

GOOD = """\
format = "json"
envelope = "none"
id = "id"
time = { path = "at", as = "local" }
zone = "Asia/Shanghai"
subject = "who"
kind = "what"
ignore = ["note"]

[rights]
records = ["life"]

[[events]]
kinds = { paid = "water.bill" }
days_late = { due = "due", cleared = "done" }
amount = { path = "sum", unit = "major", currency = "CNY" }

[[events]]
kinds = { earned = "income.reported" }
amount = { path = "sum", unit = "minor", currency_path = "money" }
consent = { id = "c.id", purpose = { fixed = "standing" }, given_at = "c.at" }

[[events]]
kinds = { taught = "education.verified" }
value = { path = "degree", map = { b = "bachelor", m = "master" } }

[[events]]
kinds = { owes = "ride.unpaid" }
report_id = { function = "case_number", paths = ["a", "b"] }
status = { path = "state", map = { open = "reported", shut = "settled" } }
began_on = "since"
ended_on = "until"
"""
NATIVE = 'format = "native"\n[rights]\nrecords = ["life"]\nkinds = ["water.bill"]\n'
CSV = """\
format = "csv"
columns = ["id", "at", "who", "what", "due", "done"]
id = "id"
time = "at"
subject = "who"
kind = "what"
[[events]]
kinds = { paid = "water.bill" }
days_late = { due = "due", cleared = "done" }
"""

LIMIT = 'limit = { path = "max", unit = "minor", currency = "CNY" }'

# What is exchanged in the good file for what; the line and the key that the error names; a part of its sentence.
FAULTS = [
    ("no format", GOOD, 'format = "json"', "", 1, "", "format"),
    ("unknown format", GOOD, '"json"', '"xml"', 1, "format", "xml"),
    ("unknown key", GOOD, "ignore =", "ignored =", 8, "ignored", "unknown field"),
    ("unknown envelope", GOOD, '"none"', '"soap"', 2, "envelope", "soap"),
    ("no subject", GOOD, 'subject = "who"\n', "", 1, "", "subject"),
    ("id beside an envelope", GOOD, '"none"', '"cloudevents"', 3, "id", "envelope has the event's id"),
    ("no id without one", GOOD, 'id = "id"\n', "", 1, "", "where the event's `id` is"),
    ("no time without one", GOOD, 'time = { path = "at", as = "local" }\n', "", 1, "", "where the event's `time` is"),
    ("local time without a zone", GOOD, 'zone = "Asia/Shanghai"\n', "", 4, "time.as", "state its `zone`"),
    ("unknown zone", GOOD, "Asia/Shanghai", "Asia/Atlantis", 5, "zone", "no such time zone"),
    ("old name of a zone", GOOD, "Asia/Shanghai", "PRC", 5, "zone", "write Asia/Shanghai"),
    ("zone outside the database", GOOD, "Asia/Shanghai", "../../etc/passwd", 5, "zone", "no such time zone"),
    ("a day for the time", GOOD, 'as = "local"', 'as = "date"', 4, "time.as", "no instant"),
    ("unknown form of time", GOOD, 'as = "local"', 'as = "roman"', 4, "time.as", "roman"),
    ("two paths of no local time", GOOD, '"at", as = "local"', '["d", "t"], as = "date"', 4, "time", "two paths"),
    ("attribute without an envelope", GOOD, 'subject = "who"', 'subject = "@subject"', 6, "subject", "no attribute"),
    ("path with nothing in it", GOOD, '"what"', '"what..x"', 7, "kind", "joined by points"),
    ("demographics as a value", GOOD, '"degree", map', '"marital.status", map', 25, "events[2].value.path",
     "never taken"),
    ("demographics, ignored", GOOD, '["note"]', '["note", "person.age"]', 8, "ignore[1]", "never taken"),
    ("demographics without word breaks", GOOD, '["note"]', '["customerage"]', 8, "ignore[0]", "never taken"),
    ("unknown class of records", GOOD, '["life"]', '["death"]', 11, "rights.records[0]", "death"),
    ("kinds as rights", GOOD, "[rights]", '[rights]\nkinds = ["water.bill"]', 11, "rights.kinds", "mapped to"),
    ("unknown kind", GOOD, "water.bill", "wine.bill", 14, "events[0].kinds.paid", "no such kind"),
    ("code mapped twice", GOOD, "taught =", "paid =", 24, "events[2].kinds.paid", "already mapped"),
    ("code of one word for two", GOOD, 'kind = "what"', 'kind = ["what", "how"]', 14, "events[0].kinds.paid",
     "2 words"),
    ("field that the kind needs", GOOD, "days_late = {", "#", 13, "events[0].days_late", "needs `days_late`"),
    ("field that it does not have", GOOD, "[[events]]\nkinds = { taught", '[[events]]\ncount = "n"\nkinds = { taught',
     24, "events[2].count", "does not have"),
    ("limit of what has none", GOOD, "days_late", f"{LIMIT}\ndays_late", 15, "events[0].limit",
     "water.bill does not have `limit`"),
    ("limit of a record", GOOD, 'began_on = "since"', LIMIT, 31, "events[3].limit", "does not have this field"),
    ("limit without a currency", GOOD, "days_late", 'limit = { path = "max", unit = "minor" }\ndays_late', 15,
     "events[0].limit", "`currency`"),
    ("reversal of an obligation", GOOD, "days_late", "reverses = true\ndays_late", 15,
     "events[0].reverses", "not have"),
    ("figure with an optional amount", GOOD, 'currency_path = "money"', 'currency_path = "money", optional = true', 20,
     "events[1].amount", "needs `amount`"),
    ("figure without consent", GOOD, "consent = {", "#", 18, "events[1].consent", "consent"),
    ("record without an id", GOOD, "report_id =", "#", 27, "events[3]", "needs `report_id`"),
    ("record without days", GOOD, 'began_on = "since"\nended_on = "until"\n', "", 27, "events[3].began_on", "began_on"),
    ("record that is settled and never ends", GOOD, 'ended_on = "until"\n', "", 27, "events[3].ended_on", "ended_on"),
    ("record that is reported and never began", GOOD, 'began_on = "since"\n', "", 27, "events[3].began_on", "began_on"),
    ("record with days late", GOOD, 'began_on = "since"', 'days_late = "since"', 31, "events[3].days_late", "not have"),
    ("word of no list", GOOD, '"bachelor"', '"genius"', 25, "events[2].value.map.b", "bachelor, master"),
    ("fixed word of no list", GOOD, 'path = "degree", map = { b = "bachelor", m = "master" }', 'fixed = "genius"', 25,
     "events[2].value.fixed", "must be one of"),
    ("state of no list", GOOD, '"settled"', '"forgotten"', 30, "events[3].status.map.shut", "reported, settled"),
    ("both path and fixed", GOOD, 'path = "degree"', 'path = "degree", fixed = "b"', 25, "events[2].value", "one of"),
    ("unknown function", GOOD, '"case_number"', '"eval"', 29, "events[3].report_id.function", "case_number"),
    ("function of nothing", GOOD, 'paths = ["a", "b"]', "paths = []", 29, "events[3].report_id", "together"),
    ("no unit", GOOD, ', unit = "major"', "", 16, "events[0].amount", "`unit`"),
    ("unknown unit", GOOD, '"major"', '"dozen"', 16, "events[0].amount.unit", "dozen"),
    ("units without their path", GOOD, 'unit = "major"', 'unit = "major", units = { f = "minor" }', 16,
     "events[0].amount", "together"),
    ("fund for a currency", GOOD, '"CNY"', '"UYI"', 16, "events[0].amount.currency", "ISO 4217"),
    ("unknown currency", GOOD, '"CNY"', '"RMB"', 16, "events[0].amount.currency", "ISO 4217"),
    ("point of minor units", GOOD, 'unit = "major"', 'unit = "minor", point = "decimal"', 16, "events[0].amount",
     "no `point`"),
    ("unknown point", GOOD, 'unit = "major"', 'unit = "major", point = "comma"', 16, "events[0].amount.point", "comma"),
    ("two currencies", GOOD, 'currency = "CNY"', 'currency = "CNY", currency_path = "x"', 16,
     "events[0].amount", "one"),
    ("due and never cleared", GOOD, ', cleared = "done"', "", 15, "events[0].days_late", "`due` and `cleared`"),
    ("fixed beyond behavior", GOOD, 'due = "due", cleared = "done"', "fixed = 91", 15,
     "events[0].days_late.fixed", "90"),
    ("path both value and object", GOOD, '"c.id"', '"money.id"', 18, "events[1]", "named twice"),
    ("word of ours at the place of a path", GOOD, '{ path = "state", map = { open = "reported", shut = "settled" } }',
     '"settled"', 30, "events[3].status", 'write status = { fixed = "settled" }'),
    ("value of ours at the place of a path", GOOD, '{ path = "degree", map = { b = "bachelor", m = "master" } }',
     '"master"', 25, "events[2].value", 'value = { path = "master" }'),
    ("path at the place of a currency", GOOD, 'currency = "CNY"', 'currency = "sum.code"', 16,
     "events[0].amount.currency", "`currency_path`"),
    ("code with a point and no quotes", GOOD, "{ paid =", "{ bill.paid =", 14, "events[0].kinds.bill",
     "in quotes as well"),
    ("path both value and ignored", GOOD, '["note"]', '["degree"]', 23, "events[2]", "named twice"),
    ("number for a text", GOOD, '"who"', "5", 6, "subject", "int"),
    ("not TOML", GOOD, '[rights]', "[rights", 10, "", "not TOML"),
    ("no rights", NATIVE, '[rights]\nrecords = ["life"]\nkinds = ["water.bill"]\n', "", 1, "", "rights"),
    ("native, unknown kind", NATIVE, "water.bill", "wine.bill", 4, "rights.kinds[0]", "no such kind"),
    ("native, record as a kind", NATIVE, "water.bill", "ride.unpaid", 4, "rights.kinds[0]", "by its class"),
    ("native with a mapping", NATIVE, "[rights]", 'subject = "x"\n[rights]', 2, "subject", "unknown field"),
    ("column twice", CSV, '"due", "done"]', '"due", "due"]', 2, "columns[5]", "its own"),
    ("no such column", CSV, 'subject = "who"', 'subject = "whom"', 5, "subject", "no such column"),
    ("column never read", CSV, '"done"]', '"done", "extra"]', 2, "columns[6]", "neither read nor ignored"),
    ("column of demographics", CSV, '"done"]', '"done", "gender"]', 2, "columns[6]", "never taken"),
    ("column like an attribute", CSV, '"done"]', '"done", "@latest"]', 2, "columns[6]", "attributes"),
    ("column of two meanings", CSV, 'due = "due"', 'due = { path = "due", as = "epoch-millis" }, cleared = "due" } #',
     9, "events[0].days_late.cleared", "can be taken"),
    ("amount at the place of a day", CSV, "days_late =", 'amount = { path = "due", unit = "major", currency = "CNY" }\n'
     "days_late =", 10, "events[0].days_late.due", "other keys"),
    ("word that is too long", GOOD, 'b = "bachelor"', f'{"b" * 65} = "bachelor"', 25,
     f"events[2].value.map.{'b' * 65}", "never come"),
    ("word that is empty", GOOD, 'b = "bachelor"', '"" = "bachelor"', 25, 'events[2].value.map.""', "never come"),
    ("unit that is empty", GOOD, 'unit = "major", currency', 'unit_path = "u", units = { "" = "minor" }, currency', 16,
     'events[0].amount.units.""', "never come"),
    ("number at the place of a text", GOOD, "{ fixed = \"standing\" }", '"sum"', 21, "events[1].consent.purpose",
     "other keys"),
    ("delimiter of two characters", CSV, 'id = "id"', 'id = "id"\ndelimiter = "||"', 4, "delimiter", "length <= 1"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "old", "new", "line", "key", "sentence"), [case[1:] for case in FAULTS], ids=[case[0] for case in FAULTS]
)
def test_an_error_names_file_line_and_key(
    tmp_path: Path, text: str, old: str, new: str, line: int, key: str, sentence: str
) -> None:
    assert old in text
    path = tmp_path / "partner.toml"
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(ConfigError) as caught:
        load_partner(path, DEPLOYMENT)
    error = caught.value
    assert (error.file, error.line, error.key) == (path, line, key), str(error)
    assert sentence.lower() in error.sentence.lower()


# Two names that differ by one of these are one name to whoever reads the file.
UNSEEN = {
    "byte order mark before it": "\ufeff{}",
    "space of no width": "{}\u200b",
    "joiner inside": "{0[0]}\u200d{0[1]}{0[2]}{0[3]}",
    "soft hyphen inside": "{0[0]}\xad{0[1]}{0[2]}{0[3]}",
    "variation selector": "{}\ufe0f",
    "filler": "{}\u3164",
    "direction": "\u202e{}",
    "tag beyond the basic plane": "{}\U000e0041",
    "no-break blank": "{}\xa0",
    "blank of full width": "{}\u3000",
    "blank before it": " {}",
    "blank after it": "{} ",
    "two blanks inside": "{0[0]}  {0[1]}{0[2]}{0[3]}",
    "tab": "{}\\t",
}
# The texts in which the name stands, and the key of the error.
NAMES = {
    "path": (GOOD, '"what"', "what", "kind"),
    "part of a path": (GOOD, '"c.id"', "c.idno", "events[1].consent.id"),
    "ignored": (GOOD, '"note"', "note", "ignore[0]"),
    "code": (GOOD, "paid =", "paid", "events[0].kinds"),
    "word of a map": (GOOD, "shut =", "shut", "events[3].status.map"),
    "word of units": (GOOD, 'unit = "major", currency', "unit", "events[0].amount.units"),
    "column": (CSV, '"done"]', "done", "columns[5]"),
}


def _written(place: str, name: str) -> str:
    """The good file with this name in that place."""
    text, old, *_ = NAMES[place]
    new = {"code": '"{}" =', "word of a map": '"{}" =', "part of a path": '"c.{}"', "column": '"{}"]'}.get(
        place, '"{}"'
    )
    if place == "word of units":
        new = 'unit_path = "u", units = {{ "{}" = "minor" }}, currency'
    assert old in text
    return text.replace(old, new.format(name), 1)


@pytest.mark.parametrize("unseen", UNSEEN)
@pytest.mark.parametrize("place", NAMES)
def test_a_name_that_cannot_be_told_from_another_is_refused(tmp_path: Path, place: str, unseen: str) -> None:
    """(rules E16)"""
    path = tmp_path / "partner.toml"
    name = NAMES[place][2].removeprefix("c.")
    path.write_text(_written(place, UNSEEN[unseen].format(name)))
    with pytest.raises(ConfigError) as caught:
        load_partner(path, DEPLOYMENT)
    assert caught.value.key.startswith(NAMES[place][3]), str(caught.value)
    assert "cannot be seen" in caught.value.sentence
    path.write_text(_written(place, name))
    assert load_partner(path, DEPLOYMENT).name == "partner"


def test_what_is_made_for_a_block_is_made_once_for_each_kind(tmp_path: Path) -> None:
    """A file of thousands of codes and of ignored paths is loaded in no time."""
    path = tmp_path / "partner.toml"
    codes = ", ".join(f'c{number} = "water.bill"' for number in range(50))
    path.write_text(GOOD.replace("{ paid =", f'{{ {codes}, gas = "gas.bill", paid ='))
    readings = load_partner(path, DEPLOYMENT).readings
    assert len({id(readings[(code,)]) for code in ("c0", "c49", "paid")}) == 1
    assert readings[("gas",)].kind.name == "gas.bill"


def test_a_column_can_say_what_is_taken_back(tmp_path: Path) -> None:
    path = tmp_path / "partner.toml"
    text = CSV.replace('"due", "done"]', '"back"]').replace("water.bill", "shop.purchase")
    path.write_text(text.replace('days_late = { due = "due", cleared = "done" }', 'reverses = "back"'))
    partner = load_partner(path, DEPLOYMENT)
    taken = {}
    for cell in ("true", "false", "", "yes"):
        line = f"1,2024-03-05T09:30:00Z,{PERSON},paid,{cell}"
        result = normalize(partner, RawEvent("partner", line.encode()), ARRIVED)
        body = result.body if isinstance(result, Normalized) else None
        taken[cell] = result.fault.code if isinstance(result, Refused) else getattr(body, "reverses", None)
    assert taken == {"true": True, "false": False, "": False, "yes": Code.WRONG_TYPE}


@pytest.mark.parametrize("text", [GOOD, NATIVE, CSV])
def test_the_good_files_are_good(tmp_path: Path, text: str) -> None:
    path = tmp_path / "partner.toml"
    path.write_text(text)
    assert load_partner(path, DEPLOYMENT).name == "partner"


@pytest.mark.parametrize("harmless", ["account_age_days", "card.fingerprint", "mileage"])
def test_a_name_that_is_no_demographic_can_be_said(tmp_path: Path, harmless: str) -> None:
    """(rules E9)"""
    path = tmp_path / "partner.toml"
    path.write_text(GOOD.replace('["note"]', f'["{harmless}"]'))
    assert load_partner(path, DEPLOYMENT).name == "partner"


def test_a_name_that_no_topic_can_carry(tmp_path: Path) -> None:
    (tmp_path / "My Bank.toml").write_text(NATIVE)
    with pytest.raises(ConfigError, match=r"My Bank\.toml:1: .*lower-case"):
        load_partners(tmp_path, DEPLOYMENT)


def test_files_that_editors_and_file_systems_leave_are_no_partners(tmp_path: Path) -> None:
    (tmp_path / "bank.toml").write_text(NATIVE)
    for name in (".#bank.toml", "._bank.toml", ".bank.toml.swp", "bank.toml~", "#bank.toml#", ".toml"):
        (tmp_path / name).write_text("not TOML")
    (tmp_path / ".#other.toml").symlink_to("somebody@machine.1234")
    assert set(load_partners(tmp_path, DEPLOYMENT)) == {"bank"}


@pytest.mark.parametrize("text", [GOOD, NATIVE, CSV])
def test_a_mapping_as_editors_save_it(tmp_path: Path, text: str) -> None:
    path = tmp_path / "partner.toml"
    path.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode() + b"\r\n\r\n")
    assert load_partner(path, DEPLOYMENT).name == "partner"


@pytest.mark.parametrize(
    ("kind", "fields", "expected"),
    [
        ("credit_card.statement", {}, None),
        ("credit_card.statement", {"limit": 5}, 5),
        ("credit_card.statement", {"limit": 5, "reverses": True, "count": 2}, 5),
        ("credit_card.statement", {"limit": -1}, (Code.OUT_OF_BOUNDS, "data.limit")),
        ("shop.purchase", {"limit": 5}, (Code.UNKNOWN_FIELD, "data.limit")),
    ],
)
def test_in_the_native_format_a_statement_may_name_a_limit_and_nothing_else_may(
    tmp_path: Path, kind: str, fields: dict[str, Any], expected: int | tuple[Code, str] | None
) -> None:
    """(rules E8 and E19)"""
    path = tmp_path / "partner.toml"
    path.write_text('format = "native"\n[rights]\nkinds = ["credit_card.statement", "shop.purchase"]\n')
    event = structured("partner", TYPES[BehaviorEvent], {"kind": kind, "amount": 3, **fields}, subject=PERSON)
    result = normalize(load_partner(path, DEPLOYMENT), event, ARRIVED)
    if isinstance(result, Refused):
        assert (result.fault.code, result.fault.field) == expected
    else:
        assert isinstance(result, Normalized)
        assert isinstance(result.body, BehaviorEvent)
        assert (result.body.amount, result.body.limit) == (3, expected)


def test_a_code_may_have_strokes_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "partner.toml"
    path.write_text(GOOD.replace("{ paid =", '{ "bills/paid" ='))
    partner = load_partner(path, DEPLOYMENT)
    for word in ("bills", "bills/unpaid", ""):
        event = RawEvent("partner", f'{{"id": "1", "what": "{word}"}}'.encode())
        refused = normalize(partner, event, ARRIVED)
        assert isinstance(refused, Refused)
        assert (refused.fault.code, refused.fault.field) == (Code.UNKNOWN_KIND, "what")
        assert refused.fault.sentence == "Send one of: bills/paid, earned, taught, owes."


def test_adding_a_partner_is_adding_a_file(tmp_path: Path) -> None:
    for name, text in (("one", GOOD), ("two", NATIVE), ("three", CSV)):
        (tmp_path / f"{name}.toml").write_text(text)
    assert set(load_partners(tmp_path, DEPLOYMENT)) == {"one", "two", "three"}


def test_the_shipped_seven_and_one_native() -> None:
    seven = {"bank", "consumer-credit", "utility", "bike-rental", "hotel", "shop", "court-feed"}
    assert set(PARTNERS) == seven | {"city"}


@pytest.mark.parametrize("partner", PARTNERS)
def test_a_shipped_file_is_read_strictly(partner: str) -> None:
    path = ROOT / "partners" / f"{partner}.toml"
    assert load_mapping(path) is not None


RATE_FAULTS = [
    ("no header", "2024-03,USD,0.14,test\n", 1, "header"),
    ("empty", "", 1, "header"),
    ("month", "2024-13,USD,0.14,test", 2, "YYYY-MM"),
    ("currency", "2024-03,RMB,0.14,test", 2, "ISO 4217"),
    ("fund", "2024-03,UYI,0.14,test", 2, "ISO 4217"),
    ("currency after its last month", "2026-01,BGN,0.25,test\n2026-02,BGN,0.25,test", 3, "withdrawn in 2026-01"),
    ("the currency that rates are stated in", "2024-03,EUR,1,test", 2, "not EUR"),
    ("zero", "2024-03,USD,0.00,test", 2, "positive"),
    ("negative", "2024-03,USD,-1,test", 2, "positive"),
    ("exponent", "2024-03,USD,1e3,test", 2, "positive"),
    ("no source", "2024-03,USD,0.14,", 2, "Four values"),
    ("stated twice", "2024-03,USD,1.14,a\n2024-03,CNY,7.8,a\n2024-03,USD,1.15,b", 4, "already stated"),
]


@pytest.mark.parametrize(
    ("text", "line", "sentence"), [case[1:] for case in RATE_FAULTS], ids=[case[0] for case in RATE_FAULTS]
)
def test_a_rate_at_fault_is_named_by_its_line(tmp_path: Path, text: str, line: int, sentence: str) -> None:
    path = tmp_path / "rates.csv"
    path.write_text(text if line == 1 else f"month,currency,per_euro,source\n{text}\n")
    with pytest.raises(ConfigError) as caught:
        load_rates(path, "CNY")
    assert caught.value.line == line
    assert sentence in caught.value.sentence


def test_all_that_is_wrong_with_a_rates_file_is_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "rates.csv"
    path.write_text(
        "month,currency,per_euro,source\n2019-01,USD,abc,x\n2019-02,USD,1.5,x\n2019-02,USD,1.5,x\n2019-13,USD,1.5,x\n"
    )
    with pytest.raises(ConfigError) as found:
        load_rates(path, "CNY")
    assert [(each.line, each.sentence) for each in found.value.all] == [
        (2, "A rate is a positive decimal number."),
        (4, "This month's rate of this currency is already stated above."),
        (5, "A month is written YYYY-MM."),
    ]


def test_rates_as_a_spreadsheet_saves_them(tmp_path: Path) -> None:
    """With a byte order mark, line ends of two characters, and rows that only look empty."""
    path = tmp_path / "rates.csv"
    lines = [
        "month,currency,per_base_unit,source",
        "2026-11,UYU,5.60,example",
        "",
        ",,,",
        "2026-11,XCG,0.25,example",
        "",
    ]
    path.write_bytes(b"\xef\xbb\xbf" + "\r\n".join(lines).encode() + b"\r\n\r\n")
    assert {currency for _, currency in load_rates(path, "CNY").factors} == {"UYU", "XCG"}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "cannot be read: No such file"),
        (b"\xff", "is not UTF-8"),
        ("month;currency".encode("utf-16"), "not UTF-8"),
    ],
)
def test_rates_that_cannot_be_read_are_a_sentence(tmp_path: Path, content: bytes | None, sentence: str) -> None:
    path = tmp_path / "rates.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=sentence):
        load_rates(path, "CNY")


@pytest.mark.parametrize(
    ("base", "amount", "currency", "month", "converted"),
    [
        # One euro was 1.120159 dollars and 7.488 yuan.
        ("CNY", 10_000, "USD", "2026-11", 66_850),
        ("CNY", 10_000, "EUR", "2026-11", 74_883),
        ("EUR", 10_000, "USD", "2026-11", 8_927),
        ("EUR", 10_000, "CNY", "2026-11", 1_335),
        ("USD", 10_000, "EUR", "2026-11", 11_202),
        # The yen has no smaller unit.
        ("EUR", 1_000, "JPY", "2026-11", 565),
        ("EUR", 10_000, "BGN", "2026-01", 5_113),
        ("EUR", 10_000, "BGN", "2026-02", None),
        ("EUR", 10_000, "VND", "2026-11", None),
        ("AED", 10_000, "EUR", "2026-11", None),
    ],
)
def test_the_shipped_rates_serve_every_base_currency(
    base: str, amount: int, currency: str, month: str, converted: int | None
) -> None:
    """(rules E7)"""
    rates = load_rates(ROOT / "policies" / "rates.csv", base)
    assert rates.to_base(amount, currency, month_of_name(month)) == converted


def test_the_shipped_rates_have_every_month_of_the_demo() -> None:
    factors = load_rates(ROOT / "policies" / "rates.csv", "CNY").factors
    months = range(month_of_name("2019-01"), month_of_name("2026-11") + 1)
    assert {currency for currency in ("EUR", "USD") for month in months if (month, currency) not in factors} == set()


def test_rates_may_be_stated_against_the_base_currency(tmp_path: Path) -> None:
    path = tmp_path / "rates.csv"
    path.write_text("month,currency,per_base_unit,source\n2026-03,USD,0.125,example\n")
    assert load_rates(path, "CNY").to_base(100, "USD", month_of_name("2026-03")) == 800
