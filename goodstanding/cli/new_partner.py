"""`partner new`: a first mapping from a sample of a partner's events, and the answers to about ten questions."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from goodstanding.cli.arguments import one_of
from goodstanding.cli.asking import Asking, is_kind, one_of_these
from goodstanding.cli.frame import AsJson, answer_json, tell
from goodstanding.cli.mapping_questions import answers
from goodstanding.cli.settings_here import settings_here
from goodstanding.errors import UserError
from goodstanding.partner.content import content_of
from goodstanding.partner.event_file import lines_of
from goodstanding.partner.first_mapping import mapping_text
from goodstanding.partner.mapping_files import compiled_file, mapping_of
from goodstanding.partner.proposals import NUMBERS
from goodstanding.partner.rehearsal import Rehearsal
from goodstanding.partner.sample_file import Sample, sample_of
from goodstanding.partner.slips import exceptions
from goodstanding.platform.fixed_settings import FixedSettings
from goodstanding.platform.stack import Stack
from shared.partner_files import check_name
from shared.settings import partners_here
from shared.toml_file import ConfigError

_REFUSALS_SHOWN = 3


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
    crosswalk: Annotated[
        bool, typer.Option("--crosswalk", help="People are named by the partner's own customer numbers.")
    ] = False,
    kind: Annotated[
        str | None, typer.Option(metavar="FIELD", help="What kind of event it is; - where all are of one kind.")
    ] = None,
    map: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PAIR", help="CODE=KIND: our kind for a code, or skip; * is every other code. Once for each."
        ),
    ] = None,
    amount: Annotated[str | None, typer.Option(metavar="FIELD", help="The amount; - where there is none.")] = None,
    unit: Annotated[str | None, typer.Option(metavar="UNIT", help=one_of(["major", "minor"]))] = None,
    currency: Annotated[
        str | None, typer.Option(metavar="CODE", help="The currency, of ISO 4217, or its field.")
    ] = None,
    other_currency: Annotated[
        list[str] | None,
        typer.Option(metavar="FIELD", help="A field of currencies that are not those of the amounts. Once for each."),
    ] = None,
    number: Annotated[
        str | None, typer.Option(metavar="LIKE", help=f"How amounts are written. {one_of(list(NUMBERS))}")
    ] = None,
    late: Annotated[
        str | None, typer.Option(metavar="FIELD", help="The number of days late; - where nothing is ever late.")
    ] = None,
    due: Annotated[
        str | None, typer.Option(metavar="FIELD", help="The day it was due, from which the days late are counted.")
    ] = None,
    cleared: Annotated[str | None, typer.Option(metavar="FIELD", help="The day it was cleared, beside --due.")] = None,
    day_form: Annotated[
        str | None, typer.Option(metavar="FORM", help="How these two days are written, if not as the time is.")
    ] = None,
    list_: Annotated[
        str | None,
        typer.Option("--list", metavar="PATH", help="Where a list stands in JSON each member of which is an event."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Take the place of a mapping that is there.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write a first mapping, partners/NAME.toml, from a sample file. Asks what no option says; without a terminal, what
    the sample leaves open has to be said.

    Example: goodstanding partner new tram rides.csv --kind what --map fare=transit.fare
    """
    file = partners_here() / f"{partner}.toml"
    _check_name(file)
    if file.exists() and not force:
        raise UserError(f"{file} is there already.", "Name another partner, or say --force.")
    settings = settings_here(Stack.default())
    ask = Asking()
    looked_at = _looked_at(sample, list_, ask)
    options = {"id": id, "time": time, "form": form, "at": at, "zone": zone, "person": person, "kind": kind}
    options |= {"amount": amount, "unit": unit, "currency": currency, "number": number, "late": late, "due": due}
    options |= {"cleared": cleared, "day-form": day_form}
    others = other_currency or []
    said = answers(looked_at, options, _mapped(map or []), settings, ask, crosswalk=crosswalk, other_currencies=others)
    file.write_text(mapping_text(partner, looked_at, said), encoding="utf-8")
    told = list(exceptions(looked_at, said))
    people = len(set(looked_at.values(said.person)))
    if not as_json:
        tell(f"Written: {file}")
        if ask.taken:
            tell(
                f"Taken from the sample: {' '.join(f'{option} {shlex.quote(it)}' for option, it in ask.taken.items())}"
            )
        values = "one value" if people == 1 else f"{people:,} different values"
        tell(f"The person: {said.person} has {values} in the sample.")
        for sentence in told:
            tell(sentence)
    about = {"file": str(file), "taken": ask.taken, "people": people, "exceptions": told}
    _tried(partner, file, sample, looked_at.one, settings, about if as_json else None)


def _check_name(file: Path) -> None:
    try:
        check_name(file)
    except ConfigError:
        raise UserError(
            f"No partner can be called {file.stem}.",
            "A name has lower-case letters, digits and hyphens, at most 40 of them, the first a letter: my-bank",
        ) from None


def _looked_at(file: Path, list_at: str | None, ask: Asking) -> Sample:
    """The sample. Whether one object with a list in it is one event or many, nobody can see."""
    content = content_of(file)
    if list_at == "-":
        return sample_of(content, file)
    found = sample_of(content, file, list_at)
    if list_at is not None or len(found.rows) > 1 or not found.lists:
        return found
    question = f"Is each member of a list an event? (- if not) There are lists at: {', '.join(found.lists)}."
    answer = ask("--list", None, question, [], one_of_these("-", *found.lists))
    return found if answer == "-" else sample_of(content, file, answer)


def _mapped(words: Sequence[str]) -> dict[str, str]:
    found = {}
    for word in words:
        code, equals, kind = word.rpartition("=")
        if not equals:
            raise UserError(f"{word} maps no code.", "Write --map CODE=KIND.")
        is_kind(kind)
        found[code] = kind
    return found


def _tried(
    partner: str, file: Path, sample: Path, one: str, settings: FixedSettings, about: dict[str, Any] | None
) -> None:
    """What the new mapping makes of its sample, in one line, and what to do next; as JSON together with `about`. `one`
    is what an event is counted as."""
    try:
        compiled_file(file, settings)
    except ConfigError as error:
        faults = [error, *error.others]
        if about is not None:
            told = [{"line": each.line, "key": each.key, "sentence": each.sentence} for each in faults]
            answer_json({**about, "faults": told})
            return
        for each in faults:
            tell(str(each))
        tell("The mapping is not whole yet: mend these lines, docs/mapping.md has every key.")
        return
    rehearsal = Rehearsal(partner, settings, datetime.now(UTC))
    verdicts = rehearsal.answer(rehearsal.read(lines_of(sample, mapping_of(partner))))
    counts = {result: sum(v.result == result for v in verdicts) for result in dict.fromkeys(v.result for v in verdicts)}
    if about is not None:
        answer_json({**about, "faults": [], "sample": {result.value: count for result, count in counts.items()}})
        return
    for verdict in [verdict for verdict in verdicts if verdict.code][:_REFUSALS_SHOWN]:
        tell(f"{one} {verdict.line}: {verdict.code} at {verdict.field or 'the event'}: {verdict.sentence}")
    tell(f"Of the sample: {', '.join(f'{count} {result}' for result, count in counts.items())}.")
    tell(f"See what was understood: goodstanding partner validate {partner} {sample} --show")
