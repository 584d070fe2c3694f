"""Asking somebody at a terminal, or naming the options that are open; and what an answer may be."""

from __future__ import annotations

import difflib
import shlex
import sys
from collections.abc import Callable, Sequence

import typer

from goodstanding.cli.arguments import one_of
from goodstanding.cli.frame import console, say
from goodstanding.errors import UserError
from goodstanding.partner import proposals
from goodstanding.partner.answers import SKIP
from goodstanding.partner.sample_file import Sample
from goodstanding.platform.fixed_settings import FixedSettings
from shared.contracts.currencies import DIGITS
from shared.contracts.identity import IdentifierError, normalize
from shared.contracts.kinds import KIND_OF


class Asking:
    """Asks what no option has answered. Where nobody can be asked, the proposal holds; without one the option is
    named."""

    def __init__(self) -> None:
        self._can_ask = sys.stdin.isatty() and console.is_terminal
        self.taken: dict[str, str] = {}
        """What was taken from the sample, since nobody has said it, by option."""
        self.but: dict[str, str] = {}
        """Where a proposal does not fit the whole sample, by the proposal."""
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
                open_ = {option: f"{question}{self.fitting(proposals)}", **self.unsaid}
                *others, (last, said) = open_.items()
                told = [*(f"{question} Say it with {name}." for name, question in others), said]
                raise UserError("\n".join(told), f"Say it with {last}.")
            self.taken[option] = proposal
            return proposal
        while True:
            if len(proposals) > 1 or proposal in self.but:
                say(f" {self.fitting(proposals)}")
            answer: str = typer.prompt(question, default=proposal, err=True)
            try:
                is_right(answer.strip())
            except UserError as error:
                say(str(error))
                continue
            return answer.strip()

    def fitting(self, proposals: Sequence[str]) -> str:
        """What the sample proposes, as a sentence; empty where that is nothing."""
        told = [f"{each}{self.but.get(each, '')}" for each in proposals[:8]]
        return f" The sample fits: {', '.join(told)}." if told else ""


def is_field(sample: Sample, *also: str) -> Callable[[str], None]:
    def check(answer: str) -> None:
        for name in answer.split("+"):
            if name not in sample.fields and answer not in also:
                for path in sample.lists:
                    if name.startswith(f"{path}."):
                        raise UserError(f"{path} is a list.", f"If each member of it is an event: --list {path}")
                near = difflib.get_close_matches(name, sample.fields, 1) or sample.fields
                raise UserError(f"The sample has no field {name}.", f"Say one of: {', '.join(near)}.")
            if any(isinstance(value, list) for value in sample.values(name)):
                raise UserError(f"{name} is a list, which no key of an event reads.", "Name another field.")

    return check


def is_late(sample: Sample) -> Callable[[str], None]:
    def check(answer: str) -> None:
        is_field(sample, "-")(answer)
        values = [] if answer == "-" else sample.values(answer)
        if values and not proposals.counts_days(values):
            is_day = bool(proposals.forms_of(values))
            remedy = (
                f"If it is the day it was due: --due {shlex.quote(answer)}, with --cleared for the day it was paid."
            )
            raise UserError(
                f"{answer} has no numbers of days" + (", but days." if is_day else "."),
                remedy if is_day else "Name another field, or - where nothing is ever late.",
            )

    return check


def one_of_these(*words: str) -> Callable[[str], None]:
    def check(answer: str) -> None:
        if answer not in words:
            raise UserError(f"{answer} is not one of the answers.", one_of(words))

    return check


def is_kind(answer: str) -> None:
    if answer != SKIP and answer not in KIND_OF:
        near = difflib.get_close_matches(answer, KIND_OF, 3) or list(KIND_OF)[:3]
        raise UserError(f"There is no kind {answer}.", f"The nearest: {', '.join(near)}; or skip.")


def is_currency(fields: Sequence[str], currencies: Sequence[str]) -> Callable[[str], None]:
    """A currency for all amounts is an answer only where no field has currencies."""

    def check(answer: str) -> None:
        if answer in DIGITS and answer not in fields and currencies:
            raise UserError(
                f"{' and '.join(currencies)} looks like the currency of each event: other amounts would count as "
                f"{answer}.",
                f"--currency takes a field too: --currency {shlex.quote(currencies[0])}. If that is not the currency "
                f"of the amounts: --other-currency {shlex.quote(currencies[0])}",
            )
        if answer not in DIGITS and answer not in fields:
            raise UserError(f"{answer} is no currency of ISO 4217.", "As EUR or USD, in capital letters.")

    return check


def is_identifier(settings: FixedSettings, text: str) -> bool:
    try:
        return bool(normalize(settings.identity_scheme, text))
    except IdentifierError:
        return False
