"""The questions of `partner new`: each is asked where no option answers it and the sample leaves it open."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence

from goodstanding.cli.asking import Asking, is_currency, is_field, is_identifier, is_kind, is_late, one_of_these
from goodstanding.errors import UserError
from goodstanding.partner import proposals
from goodstanding.partner.answers import ALL, SKIP, Answers, Day, DaysLate
from goodstanding.partner.proposals import NUMBERS
from goodstanding.partner.sample_file import Sample
from goodstanding.platform.fixed_settings import FixedSettings
from shared.contracts.kinds import KIND_OF, Shape

_QUESTIONS = {
    "id": "Which field is the event's own id? (Of rows without one: several, with + between them)",
    "time": "Which field says when it happened?",
    "person": "Which field names the person, by the identifier that all partners share? "
    "(Where it is your own customer number, say --crosswalk)",
    "kind": "Which field says what kind of event it is? (- where all are of one kind; A+B where one of two is filled)",
    "amount": "Which field is the amount? (- where there is none; A+B as with the kind)",
}
"""Those that no answer to another one bears on, by their options."""


def answers(
    sample: Sample,
    options: dict[str, str | None],
    mapped: dict[str, str],
    settings: FixedSettings,
    ask: Asking,
    *,
    crosswalk: bool,
    other_currencies: Container[str] = (),
) -> Answers:
    """What the options say, by their names, and where they say nothing what the sample or somebody does. `mapped` are
    our kinds by the partner's codes, `other_currencies` fields of currencies that are not those of the amounts. Raises
    UserError for what is open."""

    def field(option: str, question: str, proposed: Sequence[str], *also: str) -> str:
        return ask(f"--{option}", options[option], question, proposed, is_field(sample, *also))

    people = [] if crosswalk else proposals.people_of(sample, lambda text: is_identifier(settings, text))
    ids = proposals.ids_of(sample, people)
    times = _times(sample, ask)
    proposed: dict[str, Sequence[str]] = {"id": ids, "time": times, "person": people, "kind": [], "amount": []}
    ask.unsaid = {
        f"--{name}": f"{_QUESTIONS[name]}{ask.fitting(fits)}"
        for name, fits in proposed.items()
        if options[name] is None and len(fits) != 1
    }
    if (likely := options["time"] or (times[0] if len(times) == 1 else None)) in sample.fields:
        ask.unsaid |= _unsaid_of_moment(sample, options, ask, likely)
    id = field("id", _QUESTIONS["id"], ids)
    time = field("time", _QUESTIONS["time"], times)
    form, at, zone = _moment(sample, options, ask, time)
    person = field("person", _QUESTIONS["person"], people)
    kind = field("kind", _QUESTIONS["kind"], [], "-")
    kind = "" if kind == "-" else kind
    kinds = _kinds(sample, kind, mapped, ask)
    amount = field("amount", _QUESTIONS["amount"], [], "-")
    amount = "" if amount == "-" else amount
    currencies = [name for name in proposals.currencies_of(sample) if name not in other_currencies]
    unit, currency, number = _money(sample, options, ask, amount, currencies) if amount else ("major", "", "1234.50")
    read = {*id.split("+"), time, person, *kind.split("+"), *amount.split("+")}
    late = _late(sample, options, ask, kinds, Day(time, form), read)
    if not zone and any(_needs_clock(day.form) for day in (late.due, late.cleared) if day):
        zone = ask("--zone", options["zone"], _ZONE, [], proposals.check_zone)
    return Answers(
        id=id.split("+"),
        is_digest="+" in id,
        time=time,
        form=form,
        at=at,
        zone=zone,
        person=person,
        kind=kind,
        kinds=kinds,
        amount=amount,
        currency=currency,
        unit=unit,
        number=number,
        late=late,
        crosswalk=crosswalk,
    )


_FORM = "In which form is that time written?"
_AT = "Which instant of the day is meant: start, noon or end?"
_ZONE = "In which time zone, as Europe/Berlin?"


def _times(sample: Sample, ask: Asking) -> list[str]:
    """The fields that can be times, with what does not fit noted."""
    found = []
    for name in sample.fields:
        if forms := proposals.forms_of(sample.values(name)):
            found.append(name)
            if lines := proposals.misfits_of(sample, name, forms[0]):
                ask.but[name] = f" (but for {sample.one} {lines[0]}{_and_more(lines)})"
    return found


def _and_more(lines: Sequence[int]) -> str:
    return f" and {len(lines) - 1:,} more" if len(lines) > 1 else ""


def _moment(sample: Sample, options: dict[str, str | None], ask: Asking, time: str) -> tuple[str, str, str]:
    """The form of the time, the instant of a day, and the zone; empty where there is none."""
    forms = proposals.forms_of(sample.values(time))
    form = ask("--form", options["form"], _FORM, forms, proposals.is_known_form)
    at = zone = ""
    if proposals.gives_day(form):
        at = ask("--at", options["at"], _AT, [], one_of_these("start", "noon", "end"))
    if proposals.needs_zone(form):
        zone = ask("--zone", options["zone"], _ZONE, [], proposals.check_zone)
    return form, at, zone


def _unsaid_of_moment(sample: Sample, options: dict[str, str | None], ask: Asking, time: str) -> dict[str, str]:
    """What is still to be said of the event's time, by option."""
    forms = proposals.forms_of(sample.values(time))
    form = options["form"] or (forms[0] if len(forms) == 1 else None)
    if form is None:
        return {"--form": f"{_FORM}{ask.fitting(forms)}"}
    proposals.is_known_form(form)
    asked = {"--at": _AT} if proposals.gives_day(form) else {}
    asked |= {"--zone": _ZONE} if proposals.needs_zone(form) else {}
    return {option: question for option, question in asked.items() if options[option[2:]] is None}


def _kinds(sample: Sample, kind: str, mapped: dict[str, str], ask: Asking) -> dict[str, str]:
    """Our kinds by the partner's codes, those too that the sample does not have. Where `*` is said, it stands for every
    code that is not said by itself. Raises UserError for a code that no event can have."""
    codes = kind.split("+") if "+" in kind else proposals.codes_of(sample, kind) if kind else [ALL]
    others = {code: said for code, said in mapped.items() if code not in codes and code != ALL}
    if others and (not kind or "+" in kind):
        remedy = f"Say one of: {', '.join(codes)}." if kind else "Name the field that has it with --kind."
        raise UserError(f"No event can have the code {next(iter(others))}.", remedy)
    if ALL in mapped and kind and "+" not in kind:
        return {**{code: mapped[code] for code in codes if code in mapped}, **others, ALL: mapped[ALL]}
    kinds = {}
    for code in codes:
        what = f"Which of our kinds is {code}?" if kind else "Which of our kinds are the events?"
        hint = f"{what} (goodstanding partner kinds lists them; skip passes over)"
        kinds[code] = ask(f"--map '{code}=KIND'", mapped.get(code, mapped.get(ALL)), hint, [], is_kind)
    return kinds | others


_MONEY = {
    "unit": "In major units (12.50) or minor ones (1250)?",
    "currency": "In which currency, or which field says it?",
    "number": "How are amounts written?",
}


def _money(
    sample: Sample, options: dict[str, str | None], ask: Asking, amount: str, currencies: Sequence[str]
) -> tuple[str, str, str]:
    """The unit, the currency or its field, and how the numbers are written. `currencies` are the fields of these."""
    right = is_currency(sample.fields, currencies)
    texts = [value for each in amount.split("+") for value in sample.values(each) if isinstance(value, str)]
    likes = proposals.numbers_of(texts) if texts else ["1234.50"]
    which = _MONEY["currency"]
    for name in currencies:
        # Nothing is taken that would refuse many amounts, or make them another currency's.
        if lines := proposals.without_currency(sample, name, amount.split("+")):
            which += f" ({name} has none at {sample.one} {lines[0]}{_and_more(lines)})"
            currencies = [each for each in currencies if each != name]
    asked: dict[str, tuple[str, Sequence[str]]] = {
        "unit": (_MONEY["unit"], []),
        "currency": (which, currencies),
        "number": (_MONEY["number"], likes),
    }
    for name, (question, fits) in asked.items():
        if options[name] is None and len(fits) != 1:
            ask.unsaid[f"--{name}"] = f"{question}{ask.fitting(fits)}"
    unit = ask("--unit", options["unit"], _MONEY["unit"], [], one_of_these("major", "minor"))
    currency = ask("--currency", options["currency"], which, currencies, right)
    if not texts:
        return unit, currency, options["number"] or "1234.50"
    return unit, currency, ask("--number", options["number"], _MONEY["number"], likes, one_of_these(*NUMBERS))


def _late(
    sample: Sample,
    options: dict[str, str | None],
    ask: Asking,
    kinds: Mapping[str, str],
    time: Day,
    read: Container[str],
) -> DaysLate:
    """How it is told how late an obligation was met. A sample with a field that may say it leaves that open."""
    if options["late"] == "-" or not any(k != SKIP and KIND_OF[k].shape is Shape.OBLIGATION for k in kinds.values()):
        return DaysLate()
    if options["late"] is None:
        days = [name for name in proposals.days_of(sample) if name not in read]
        if days or options["due"] is not None:
            told = f" There are days in: {', '.join(days)}." if days else ""
            question = f"Which field is the day it was due? (- where none is; --late names one of days late){told}"
            if (due := ask("--due", options["due"], question, [], is_field(sample, "-"))) != "-":
                question = "Which field is the day it was cleared?"
                cleared = ask("--cleared", options["cleared"], question, [time.field], is_field(sample))
                return DaysLate("", _day(sample, options, ask, time, due), _day(sample, options, ask, time, cleared))
    named = [name for name in proposals.days_late_of(sample) if name not in read]
    told = f" The sample has: {', '.join(named)}." if named else ""
    question = f"Which field is the number of days late? (- where nothing is ever late; of a due day: --due){told}"
    late = ask("--late", options["late"], question, [] if named else ["-"], is_late(sample))
    return DaysLate("" if late == "-" else late)


def _day(sample: Sample, options: dict[str, str | None], ask: Asking, time: Day, field: str) -> Day:
    """The field with its form: that of the event's time, where it fits."""
    forms = proposals.forms_of(sample.values(field))
    if field == time.field or (time.form in forms and options["day-form"] is None):
        return Day(field, time.form)
    question = f"In which form is {field} written?"
    return Day(field, ask("--day-form", options["day-form"], question, forms, proposals.is_known_form))


def _needs_clock(form: str) -> bool:
    """Whether the form is that of a local time, whose day depends on the zone."""
    return proposals.needs_zone(form) and not proposals.gives_day(form)
