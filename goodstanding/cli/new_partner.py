"""`partner new`: a first mapping from a sample of a partner's events, and the answers to about ten questions."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from goodstanding.cli.frame import AsJson, answer_json, console, say, tell
from goodstanding.cli.words import one_of
from goodstanding.errors import UserError
from goodstanding.partner import sample_file
from goodstanding.partner.content import content_of
from goodstanding.partner.event_file import lines_of
from goodstanding.partner.first_mapping import ALL, SKIP, Answers, mapping_text
from goodstanding.partner.mapping_files import compiled_file, mapping_of
from goodstanding.partner.rehearsal import Rehearsal
from goodstanding.partner.sample_file import NUMBERS, Sample
from goodstanding.platform.fixed_settings import FixedSettings
from goodstanding.platform.stack import Stack
from shared.contracts.currencies import DIGITS
from shared.contracts.identity import IdentifierError, normalize
from shared.contracts.kinds import KIND_OF
from shared.partner_files import check_name
from shared.settings import ROOT
from shared.toml_file import ConfigError

_REFUSALS_SHOWN = 3


class _Asking:
    """Asks what no option has answered. Where nobody can be asked, the proposal holds; without one the option is
    named."""

    def __init__(self) -> None:
        self._can_ask = sys.stdin.isatty() and console.is_terminal
        self.unsaid: dict[str, str] = {}
        """Questions that no answer bears on and that have none yet, by option: all are named with the first one."""

    def __call__(
        self,
        option: str,
        given: str | None,
        question: str,
        proposals: Sequence[str],
        is_right: Callable[[str], object] = bool,
    ) -> str:
        """The answer: of several proposals the first is one only where there is no other."""
        self.unsaid.pop(option, None)
        if given is not None:
            is_right(given)
            return given
        proposal = proposals[0] if len(proposals) == 1 else None
        if not self._can_ask:
            if proposal is None:
                open_ = {option: f"{question}{_fitting(proposals)}", **self.unsaid}
                *others, (last, said) = open_.items()
                told = [*(f"{question} Say it with {name}." for name, question in others), said]
                raise UserError("\n".join(told), f"Say it with {last}.")
            return proposal
        while True:
            if len(proposals) > 1:
                say(f"  The sample fits: {', '.join(proposals[:8])}")
            answer: str = typer.prompt(question, default=proposal, err=True)
            try:
                is_right(answer.strip())
            except UserError as error:
                say(str(error))
                continue
            return answer.strip()


_QUESTIONS = {
    "id": "Which field is the event's own id? (Of rows without one: several, with + between them)",
    "time": "Which field says when it happened?",
    "person": "Which field names the person, by the identifier that all partners share?",
    "kind": "Which field says what kind of event it is? (- where all are of one kind; A+B where one of two is filled)",
    "amount": "Which field is the amount? (- where there is none; A+B as with the kind)",
}
"""Those that no answer to another one bears on, by their options."""


def _fitting(proposals: Sequence[str]) -> str:
    return f" The sample fits: {', '.join(proposals[:8])}." if proposals else ""


def new(
    partner: Annotated[str, typer.Argument(metavar="NAME", help="The partner's name, that of its file.")],
    sample: Annotated[Path, typer.Argument(metavar="SAMPLE", help="CSV with a header line, JSON lines, or an array.")],
    id: Annotated[
        str | None,
        typer.Option(metavar="FIELD", help="The event's own id; of rows without one, fields with + between them."),
    ] = None,
    time: Annotated[str | None, typer.Option(metavar="FIELD", help="When it happened.")] = None,
    form: Annotated[
        str | None,
        typer.Option(metavar="FORM", help="How times are written: dd.MM.yyyy, or rfc3339, epoch-millis, ..."),
    ] = None,
    at: Annotated[
        str | None, typer.Option(metavar="WHEN", help=f"Which instant of a day. {one_of(['start', 'noon', 'end'])}")
    ] = None,
    zone: Annotated[str | None, typer.Option(metavar="ZONE", help="The zone of local times and days.")] = None,
    person: Annotated[str | None, typer.Option(metavar="FIELD", help="The person.")] = None,
    kind: Annotated[
        str | None, typer.Option(metavar="FIELD", help="What kind of event it is; - where all are of one kind.")
    ] = None,
    map: Annotated[
        list[str] | None,
        typer.Option(metavar="PAIR", help="CODE=KIND: our kind for a code, or skip; * for all codes. Once for each."),
    ] = None,
    amount: Annotated[str | None, typer.Option(metavar="FIELD", help="The amount; - where there is none.")] = None,
    unit: Annotated[str | None, typer.Option(metavar="UNIT", help=one_of(["major", "minor"]))] = None,
    currency: Annotated[
        str | None, typer.Option(metavar="CODE", help="The currency, of ISO 4217, or its field.")
    ] = None,
    number: Annotated[
        str | None, typer.Option(metavar="LIKE", help=f"How amounts are written. {one_of(list(NUMBERS))}")
    ] = None,
    late: Annotated[str | None, typer.Option(metavar="FIELD", help="The days late; - for none.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Take the place of a mapping that is there.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write a first mapping, partners/NAME.toml, from a sample file. Asks what no option says; without a terminal, what
    the sample leaves open has to be said.

    Example: goodstanding partner new tram rides.csv --kind what --map fare=transit.fare
    """
    file = ROOT / "partners" / f"{partner}.toml"
    check_name(file)
    if file.exists() and not force:
        raise UserError(f"{file} is there already.", "Name another partner, or say --force.")
    settings = Stack.default().settings or FixedSettings.new()
    looked_at = sample_file.sample_of(content_of(sample), sample)
    options = {"id": id, "time": time, "form": form, "at": at, "zone": zone, "person": person, "kind": kind}
    options |= {"amount": amount, "unit": unit, "currency": currency, "number": number, "late": late}
    said = _answers(looked_at, options, _mapped(map or []), settings)
    file.write_text(mapping_text(partner, looked_at, said), encoding="utf-8")
    if not as_json:
        tell(f"Written: {file}")
    _tried(partner, file, sample, settings, as_json)


def _mapped(words: Sequence[str]) -> dict[str, str]:
    found = {}
    for word in words:
        code, equals, kind = word.rpartition("=")
        if not equals:
            raise UserError(f"{word} maps no code.", "Write --map CODE=KIND.")
        _is_kind(kind)
        found[code] = kind
    return found


def _answers(
    sample: Sample, options: dict[str, str | None], mapped: dict[str, str], settings: FixedSettings
) -> Answers:
    ask = _Asking()

    def is_field(*also: str) -> Callable[[str], None]:
        def check(answer: str) -> None:
            for name in answer.split("+"):
                if name not in sample.fields and answer not in also:
                    near = difflib.get_close_matches(name, sample.fields, 1) or sample.fields
                    raise UserError(f"The sample has no field {name}.", f"Say one of: {', '.join(near)}.")

        return check

    def field(option: str, question: str, proposals: Sequence[str], *also: str) -> str:
        return ask(f"--{option}", options[option], question, proposals, is_field(*also))

    people = sample_file.people_of(sample, lambda text: _is_identifier(settings, text))
    ids = sample_file.ids_of(sample, people)
    times = [name for name in sample.fields if sample_file.forms_of(sample.values(name))]
    proposals: dict[str, Sequence[str]] = {"id": ids, "time": times, "person": people, "kind": [], "amount": []}
    ask.unsaid = {
        f"--{name}": f"{_QUESTIONS[name]}{_fitting(fits)}"
        for name, fits in proposals.items()
        if options[name] is None and len(fits) != 1
    }
    id = field("id", _QUESTIONS["id"], ids)
    time = field("time", _QUESTIONS["time"], times)
    forms = sample_file.forms_of(sample.values(time))
    form = ask("--form", options["form"], "In which form is that time written?", forms, sample_file.is_known_form)
    at = zone = ""
    if sample_file.gives_day(form):
        at = ask(
            "--at",
            options["at"],
            "Which instant of the day is meant: start, noon or end?",
            [],
            _one_of("start", "noon", "end"),
        )
    if sample_file.needs_zone(form):
        zone = ask("--zone", options["zone"], "In which time zone, as Europe/Berlin?", [], sample_file.check_zone)
    person = field("person", _QUESTIONS["person"], people)
    kind = field("kind", _QUESTIONS["kind"], [], "-")
    kind = "" if kind == "-" else kind
    kinds = {}
    codes = kind.split("+") if "+" in kind else sample_file.codes_of(sample, kind) if kind else [ALL]
    for code in codes:
        given = mapped.get(code, mapped.get(ALL))
        what = f"Which of our kinds is {code}?" if kind else "Which of our kinds are the events?"
        hint = f"{what} (goodstanding partner kinds lists them; skip passes over)"
        kinds[code] = ask(f"--map '{code}=KIND'", given, hint, [], _is_kind)
    amount = field("amount", _QUESTIONS["amount"], [], "-")
    amount = "" if amount == "-" else amount
    unit, currency, number = "major", settings.currency, "1234.50"
    if amount:
        unit = ask(
            "--unit", options["unit"], "In major units (12.50) or minor ones (1250)?", [], _one_of("major", "minor")
        )
        currencies = sample_file.currencies_of(sample)
        question = "In which currency, or which field says it?"
        currency = ask("--currency", options["currency"], question, currencies, _is_currency(sample.fields))
        number = options["number"] or "1234.50"
        texts = [value for each in amount.split("+") for value in sample.values(each) if isinstance(value, str)]
        if texts:
            number = ask(
                "--number",
                options["number"],
                "How are amounts written?",
                sample_file.numbers_of(texts),
                _one_of(*NUMBERS),
            )
    late = field("late", "Which field is the number of days late? (- where nothing is ever late)", ["-"], "-")
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
        late="" if late == "-" else late,
    )


def _one_of(*words: str) -> Callable[[str], None]:
    def check(answer: str) -> None:
        if answer not in words:
            raise UserError(f"{answer} is none of the answers.", one_of(words))

    return check


def _is_kind(answer: str) -> None:
    if answer != SKIP and answer not in KIND_OF:
        near = difflib.get_close_matches(answer, KIND_OF, 3) or list(KIND_OF)[:3]
        raise UserError(f"There is no kind {answer}.", f"The nearest: {', '.join(near)}; or skip.")


def _is_currency(fields: Sequence[str]) -> Callable[[str], None]:
    def check(answer: str) -> None:
        if answer not in DIGITS and answer not in fields:
            raise UserError(f"{answer} is no currency of ISO 4217.", "As EUR or USD, in capital letters.")

    return check


def _is_identifier(settings: FixedSettings, text: str) -> bool:
    try:
        return bool(normalize(settings.identity_scheme, text))
    except IdentifierError:
        return False


def _tried(partner: str, file: Path, sample: Path, settings: FixedSettings, as_json: bool) -> None:
    """What the new mapping makes of its sample, in one line, and what to do next."""
    try:
        compiled_file(file, settings)
    except ConfigError as error:
        faults = [error, *error.others]
        if as_json:
            told = [{"line": each.line, "key": each.key, "sentence": each.sentence} for each in faults]
            answer_json({"file": str(file), "faults": told})
            return
        for each in faults:
            tell(str(each))
        tell("The mapping is not whole yet: mend these lines, docs/mapping.md has every key.")
        return
    rehearsal = Rehearsal(partner, settings, datetime.now(UTC))
    verdicts = rehearsal.answer(rehearsal.read(lines_of(sample, mapping_of(partner))))
    counts = {result: sum(v.result == result for v in verdicts) for result in dict.fromkeys(v.result for v in verdicts)}
    if as_json:
        answer_json(
            {"file": str(file), "faults": [], "sample": {result.value: count for result, count in counts.items()}}
        )
        return
    for verdict in [verdict for verdict in verdicts if verdict.code][:_REFUSALS_SHOWN]:
        tell(f"line {verdict.line}: {verdict.code} at {verdict.field or 'the event'}: {verdict.sentence}")
    tell(f"Of the sample: {', '.join(f'{count} {result}' for result, count in counts.items())}.")
    tell(f"See what was understood: goodstanding partner validate {partner} {sample} --show")
