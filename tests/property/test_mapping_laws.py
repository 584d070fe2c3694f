"""The law of every notation and every mapping: what it writes from a normalized event, it reads again to the same."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta, timezone
from datetime import time as clock
from decimal import Decimal
from typing import Any

import msgspec
from hypothesis import assume, given
from hypothesis import strategies as st

from goodstanding.partner.writing import Writer, message
from services.ingest.core.compiling import compile_partner
from services.ingest.core.mapping import (
    Amount,
    Codes,
    ConsentPaths,
    CsvMapping,
    Events,
    FixedMapping,
    ForeignMapping,
    JsonMapping,
    Late,
    Moment,
    Number,
    Rights,
    Text,
    Whole,
    Word,
)
from services.ingest.core.normalize import Normalized, Refused, judged
from services.ingest.core.notation import notation
from services.ingest.core.patterns import NoSuchTimeError, PatternError, pattern
from shared.contracts import zones
from shared.contracts.kinds import KIND_OF, RecordClass, Shape
from shared.contracts.messages import BehaviorEvent, Consent, RecordReport
from tests.support.ingest.mapped import partner_of, read
from tests.support.ingest.raw_events import FRIEND, PERSON, RawEvent
from tests.support.ingest.shipped import ARRIVED, DEPLOYMENT, pseudonym

# Notations.

numbers = st.builds(
    Number,
    decimal=st.sampled_from([".", ","]),
    thousands=st.sampled_from([None, " ", "'"]),
    symbol=st.sampled_from([None, "$", "€", "EUR", "CN¥"]),
    symbol_at=st.sampled_from(["before", "after"]),
    plus=st.booleans(),
    minus=st.sampled_from(["before", "after", "parentheses"]),
) | st.sampled_from([Number(decimal=",", thousands="."), Number(thousands=",")])


@given(numbers, st.decimals(-(10**15), 10**15, places=3) | st.integers(-(10**15), 10**15).map(Decimal))
def test_a_number_is_read_as_it_was_written(number: Number, value: Decimal) -> None:
    declared = notation(number)
    plain = declared.read(declared.write(f"{value:f}"))
    assert plain is not None
    assert Decimal(plain) == value


@given(numbers, st.text(alphabet="0123456789.,+-() '$€EUR\u00a0\u2212", max_size=12))
def test_a_text_is_a_plain_number_or_none(number: Number, text: str) -> None:
    plain = notation(number).read(text)
    if plain is not None:
        assert Decimal(plain).is_finite()
        assert "".join(filter(str.isdigit, plain)) == "".join(filter(str.isdigit, text))


@given(numbers.filter(lambda number: number.thousands), st.integers(0, 99), st.integers(1, 2), st.integers(0, 999_999))
def test_no_thousands_stand_behind_a_zero(number: Number, first: int, zeros: int, rest: int) -> None:
    groups = [f"{'0' * zeros}{first}"[:3], *f"{rest:07,}".split(",")]
    assert notation(number).read((number.thousands or "").join(groups)) is None


WALLET = """\
format = "json"
envelope = "none"
id = "id"
time = "at"
subject = "who"
kind = "what"
[[events]]
kinds = { paid = "shop.purchase" }
amount = { path = "sum", unit = "major", currency = "CNY", sign = "either" }
"""


def _amount_or_code(text: str) -> object:
    event = {"id": "e1", "at": "2024-03-05T09:30:00Z", "who": PERSON, "what": "paid", "sum": text}
    [found] = read(partner_of(WALLET), json.dumps(event).encode())
    assert isinstance(found, Normalized | Refused)
    return found.body.amount if isinstance(found, Normalized) else found.fault.code


@given(st.integers(0, 2_000), st.text(alphabet="0123456789", min_size=2, max_size=4))
def test_a_minus_makes_no_amount_less_ambiguous(whole: int, fraction: str) -> None:
    """Whether it is refused, and with which code, does not depend on its sign (rules E7)."""
    text = f"{whole}.{fraction}"
    assert _amount_or_code(f"-{text}") == _amount_or_code(text)


dates = ["dd.MM.yyyy", "d.M.yyyy", "MM/dd/yyyy", "yyyyMMdd", "d MMM yyyy", "MMMM d, yyyy", "ddMMMyy"]
clocks = ["HH:mm:ss.SSSSSS", "HH:mm:ss[.SSSSSS]", "HHmmss", "h:mm:ss a", "HH:mm[:ss]"]
patterns = st.one_of(
    st.sampled_from(dates),
    st.builds("{} {}{}".format, st.sampled_from(dates), st.sampled_from(clocks), st.sampled_from(["", " XX", "XXX"])),
    st.builds("{}'T'{}".format, st.sampled_from(dates), st.sampled_from(clocks)),
)


def between(first: date, last: date) -> st.SearchStrategy[datetime]:
    start = datetime.combine(first, clock.min, UTC)
    return st.integers(0, (last - first) // timedelta(microseconds=1)).map(
        lambda microseconds: start + timedelta(microseconds=microseconds)
    )


times = between(date(2004, 1, 1), date(2024, 3, 1))


@given(patterns, times, st.integers(-12, 14))
def test_a_time_is_read_as_it_was_written(text: str, time: datetime, hours: int) -> None:
    form = pattern(text)
    if form.has_offset:
        time = time.astimezone(timezone(timedelta(hours=hours)))
    if not form.has_time:
        time = time.replace(hour=0, minute=0, second=0, microsecond=0)
    elif "SSSSSS" not in text:
        time = time.replace(microsecond=0)
    shown = form.read(form.write(time))
    assert shown is not None
    assert shown.time == time.replace(tzinfo=None)
    assert shown.offset == (time.utcoffset() if form.has_offset else None)


@given(st.text(alphabet="yMdHhmsSaX.:-'[]T /", max_size=16), st.text(max_size=12))
def test_a_pattern_is_taken_or_refused_and_reads_no_more_than_times(text: str, value: str) -> None:
    try:
        form = pattern(text)
        form.read(value)
        form.write(datetime(2024, 2, 29, tzinfo=UTC))
    except (PatternError, NoSuchTimeError):
        return


# Mappings.

amounts = st.builds(
    Amount,
    path=st.just("sum"),
    unit=st.sampled_from(["minor", "major"]),
    currency=st.just("CNY"),
    number=st.none() | numbers,
    sign=st.sampled_from(["positive", "negative", "either"]),
)
instants = st.one_of(
    st.sampled_from(["epoch-seconds", "epoch-millis", "epoch-micros"]).flatmap(
        lambda form: st.sampled_from(["text", "number"]).map(
            lambda type_: Moment(path="at", format=form, type=type_)  # type: ignore[arg-type]  # a type that is drawn
        )
    ),
    st.just(Moment(path="at", format="rfc3339")),
    st.just(Moment(path="at", format="local")),
    st.sampled_from(["yyyy-MM-dd HH:mm:ss[.SSSSSS]", "dd.MM.yyyy HH:mm:ss", "M/d/yyyy h:mm:ss aXXX"]).map(
        lambda text: Moment(path="at", pattern=text)
    ),
    st.builds(
        lambda form, at: Moment(path="at", at=at, **form),
        st.sampled_from([{"format": "date"}, {"format": "compact-date"}, {"pattern": "d MMMM yyyy"}]),
        st.sampled_from(["start", "noon", "end"]),
    ),
)
days = st.sampled_from(
    [
        "DAY",
        Moment(path="DAY", format="compact-date"),
        Moment(path="DAY", pattern="dd.MM.yyyy"),
        Moment(path="DAY", pattern="MMM d yy"),
        Moment(path="DAY", format="rfc3339"),
    ]
)


def day_at(spec: Any, path: str) -> Any:
    return path if isinstance(spec, str) else msgspec.structs.replace(spec, path=path)


@st.composite
def blocks(draw: st.DrawFn) -> tuple[Events, BehaviorEvent | RecordReport]:
    """A block, and a normalized event that it can say."""
    amount, minor = draw(amounts), draw(st.integers(0, 10**12))
    match draw(st.sampled_from(["obligation", "activity", "figure", "fact", "contact", "record"])):
        case "obligation":
            late = draw(st.integers(0, 90))
            spec: Any = draw(
                st.sampled_from(
                    ["late", Late(path="late"), Late(path="late", type="text"), Late(due="due", cleared="done")]
                )
            )
            body = BehaviorEvent(kind="water.bill", amount=minor, days_late=late)
            return Events(kinds={"code": "water.bill"}, amount=amount, days_late=spec), body
        case "activity":
            count = draw(st.integers(1, 1_000))
            spec = draw(st.sampled_from(["n", Whole(path="n", type="text")]))
            return (
                Events(kinds={"code": "shop.purchase"}, amount=amount, count=spec, reverses="back"),
                BehaviorEvent(kind="shop.purchase", amount=minor, count=count, reverses=draw(st.booleans())),
            )
        case "figure":
            given = draw(between(date(2023, 1, 1), date(2024, 3, 1)))
            return (
                Events(
                    kinds={"code": "income.reported"},
                    amount=amount,
                    consent=ConsentPaths(id="c.id", purpose=Text(fixed="standing"), given_at="c.at"),
                ),
                BehaviorEvent(
                    kind="income.reported",
                    amount=minor,
                    consent=Consent(id="c-1", purpose="standing", given_at=given),
                ),
            )
        case "fact":
            word = draw(st.sampled_from(["bachelor", "master"]))
            return (
                Events(
                    kinds={"code": "education.verified"},
                    value=Text(path="degree", map={"b": "bachelor", "m": "master"}),
                ),
                BehaviorEvent(kind="education.verified", value=word),
            )
        case "contact":
            return (
                Events(kinds={"code": "contact.standing"}, contact="friend", value="link"),
                BehaviorEvent(kind="contact.standing", contact=pseudonym(FRIEND), value="present"),
            )
    status = draw(st.sampled_from(["reported", "settled"]))
    first = draw(st.dates(date(2020, 1, 1), date(2024, 1, 1)))
    last = first + timedelta(days=draw(st.integers(0, 60)))
    form = draw(days)
    return (
        Events(
            kinds={"code": "ride.unpaid"},
            report_id="no",
            status=Text(path="state", map={"open": "reported", "shut": "settled"}),
            began_on=day_at(form, "since"),
            ended_on=day_at(form, "until"),
            amount=amount,
        ),
        RecordReport(
            kind="ride.unpaid",
            report_id="R-1",
            status=status,  # type: ignore[arg-type]  # a status that is drawn
            began_on=first,
            ended_on=last if status == "settled" else None,
            amount=minor,
        ),
    )


_FILLED = Word(filled=("sum", "other"))


@st.composite
def mappings(draw: st.DrawFn, events: Events) -> ForeignMapping:
    """A file of any format around the block."""
    kinds: list[Any] = ["what", ("what",), Word(path="what"), Word(fixed="code")]
    if events.amount is not None:
        kinds.append(_FILLED)
    common: dict[str, Any] = {
        "subject": "who",
        "kind": draw(st.sampled_from(kinds)),
        "events": (events,),
        "time": draw(instants),
        "zone": draw(st.sampled_from(["Europe/Berlin", "America/New_York", "Asia/Shanghai", "UTC"])),
        "number": draw(st.none() | numbers),
        "codes": draw(st.none() | st.builds(Codes, trim=st.booleans(), case=st.sampled_from(["exact", "ignore"]))),
        "rights": Rights(records=tuple(RecordClass)),
    }
    path = "id"
    id_: Any = draw(st.sampled_from([path, Text(path=path)]))
    match draw(st.sampled_from(["json", "list", "csv", "headed", "fixed"])):
        case "json" | "list" as form:
            id_ = draw(st.sampled_from([id_, Text(path=path, type="number")]))
            return JsonMapping(envelope="none", id=id_, list="." if form == "list" else None, **common)
        case "fixed":
            names = sorted(_paths(events, common["kind"]))
            assume(not any("." in name for name in names))
            places = {name: (1 + 40 * place, 40 + 40 * place) for place, name in enumerate(names)}
            return FixedMapping(id=id_, columns=places, length=40 * len(names), **common)
        case form:
            columns = () if form == "headed" else tuple(sorted(_paths(events, common["kind"])))
            return CsvMapping(
                id=id_,
                header=form == "headed",
                columns=columns,
                delimiter=draw(st.sampled_from([",", ";", "|", "\t", "~"])),
                quote=draw(st.sampled_from(['"', "'"])),
                trim=draw(st.booleans()),
                ragged=draw(st.booleans()),
                encoding=draw(st.sampled_from(["utf-8", "gb18030", "utf-16"])),
                preamble=form == "headed" and draw(st.booleans()),
                **common,
            )


def _paths(events: Events, kind: Any) -> set[str]:
    """The paths that a block reads, as columns."""
    filled = set(kind.filled) if isinstance(kind, Word) else set()
    found = {"id", "at", "who"} | (filled or (set() if kind == Word(fixed="code") else {"what"}))
    for name in ("late", "due", "done", "n", "back", "c.id", "c.at", "degree", "friend", "link", "sum"):
        if f"'{name}'" in repr(events):
            found.add(name)
    if events.report_id is not None:
        found |= {"no", "state", "since", "until"}
    return found


def whole(moment: Moment, time: datetime, zone: str) -> datetime:
    """The time as finely as this form can say it."""
    if moment.at is not None:
        at = {"start": clock.min, "noon": clock(12), "end": clock.max}[moment.at]
        local = time.astimezone(zones.zone(zone))
        return datetime.combine(local.date(), at, zones.zone(zone)).astimezone(UTC)
    if moment.format == "epoch-millis":
        return time.replace(microsecond=time.microsecond // 1000 * 1000)
    if moment.format == "epoch-seconds" or (moment.pattern and "S" not in moment.pattern):
        return time.replace(microsecond=0)
    return time


@given(st.data())
def test_what_a_mapping_writes_it_reads_again_to_the_same(data: st.DataObject) -> None:
    events, body = data.draw(blocks())
    mapping = data.draw(mappings(events))
    assert mapping.zone is not None
    time = data.draw(between(date(2023, 6, 1), date(2024, 3, 1)))
    assume(not isinstance(mapping.time, Moment) or not _is_shown_twice(time, mapping.zone))
    writer = Writer(mapping, DEPLOYMENT.zone)
    assert mapping.id is not None
    assert mapping.time is not None
    writer.text(mapping.id, "4711")
    writer.text(mapping.subject, PERSON)
    writer.words("sum" if mapping.kind == _FILLED else "code")
    writer.time(mapping.time, time)
    writer.body(events, body, time, FRIEND, "CNY")
    if isinstance(mapping, CsvMapping | FixedMapping):
        writer.values = {name: _cell(value) for name, value in writer.values.items()}
    written = message(mapping, [writer])
    if mapping.kind == _FILLED:
        kinds = {"sum": events.kinds["code"]}
        mapping = msgspec.structs.replace(mapping, events=(msgspec.structs.replace(events, kinds=kinds),))
    partner = compile_partner("partner", mapping, DEPLOYMENT)
    [found] = judged(partner, RawEvent("partner", written), ARRIVED)
    assert isinstance(found, Normalized), (found, written)
    assert found.body == body
    assert found.event_id == "4711"
    assert found.user_id == pseudonym(PERSON)
    assert mapping.zone is not None
    moment = mapping.time if isinstance(mapping.time, Moment) else Moment(path="at", format="rfc3339")
    assert found.time == whole(moment, time, mapping.zone)


_BOUGHT = """format = "json"
envelope = "none"
list = "."
id = ID
time = { path = "at", as = "epoch-seconds" }
subject = "who"
kind = { fixed = "bought" }

[[events]]
kinds = { bought = "shop.purchase" }
amount = { path = "sum", unit = "minor", currency = "CNY" }
"""


@given(
    st.sampled_from(['{ path = "no", type = "number" }', '{ function = "digest", paths = ["when", "what"] }']),
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=12),
    st.randoms(use_true_random=False),
)
def test_the_ids_of_a_messages_events_do_not_depend_on_their_order(id: str, bought: list[Any], rng: Any) -> None:
    """With ids of their own, and with digests of all that is read (rules E22)."""
    at = int(datetime(2024, 3, 1, tzinfo=UTC).timestamp())
    ignored = ["no"] if "digest" in id else ["when", "what"]
    partner = partner_of(_BOUGHT.replace("ID", id) + f"ignore = {json.dumps(ignored)}\n")
    members = [
        {"no": no, "at": at + when, "when": str(when), "sum": what, "what": str(what), "who": PERSON}
        for no, (when, what) in enumerate(bought)
    ]
    first = read(partner, json.dumps(members).encode())
    rng.shuffle(members)
    again = read(partner, json.dumps(members).encode())
    assert all(isinstance(each, Normalized) for each in first)
    assert len({each.event_id for each in first if isinstance(each, Normalized)}) == len(members)
    assert sorted(map(repr, first)) == sorted(map(repr, again))


def _cell(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _is_shown_twice(time: datetime, zone: str) -> bool:
    """Of an hour that the clocks show twice, a local time means the first."""
    return time.astimezone(zones.zone(zone)).fold == 1


def test_every_shape_of_kinds_is_among_the_blocks() -> None:
    kinds = ("water.bill", "shop.purchase", "income.reported", "education.verified", "contact.standing", "ride.unpaid")
    assert {KIND_OF[kind].shape for kind in kinds} == set(Shape)
