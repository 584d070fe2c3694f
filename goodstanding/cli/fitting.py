"""`policy fit`: integer points for a scorecard, learned from what became of real people."""

from __future__ import annotations

from pathlib import Path
from statistics import fmean
from typing import Annotated

import msgspec
import typer

from goodstanding import policies
from goodstanding.cli.data_set import AdapterName, DataFile, source_of
from goodstanding.cli.frame import AsJson, answer_json, say, tell
from goodstanding.cli.picture import check_writable
from goodstanding.errors import UserError
from goodstanding.published.schemas import directive
from goodstanding.validation.backtest import deployment_settings
from goodstanding.validation.candidates import CHOICES
from goodstanding.validation.measures import auc, ks, places_of
from goodstanding.validation.writing import toml_of
from shared.settings import ROOT, policies_here

POLICY = policies_here() / "credit-card.toml"
_COMMENT = """A scorecard of bins and points that were learned from real customers:
    goodstanding policy fit --adapter {adapter} --data {data}
writes this file again. What it may look at, in which direction and in which words stands in
goodstanding/validation/candidates.py. Amounts are in minor units, shares per mille. A rule counts in its segment,
which is the first one whose conditions hold. {doubling} points double the odds of paying to not paying.
No worse value of a feature gives more points, in its segment or in the one that it leads to. Larger bills and payments
give more: in these data whoever uses a card much and pays defaults less, so that a card hardly used has fewer points.
How well it predicts: goodstanding backtest --policy policies/credit-card.toml --adapter ... --data ..."""


def fit(
    data: DataFile,
    adapter: AdapterName,
    policy: Annotated[
        Path, typer.Option(metavar="FILE", help="Where to write it.", show_default="policies/credit-card.toml")
    ] = POLICY,
    as_json: AsJson = False,
) -> None:
    """Learn a scorecard from a data set, and write it. The same data give the same file.

    Each rule has few bins and moves in its declared direction only. What is told of it (AUC, KS) is of people whom
    the points were not learned from: each fifth is scored by what the other four taught.

    Example: goodstanding policy fit --data data/uci-credit-card-train.csv --adapter uci-credit-card
    """
    try:
        from goodstanding.validation import design, fit
    except ImportError:
        raise UserError("The libraries for statistics are not installed.", "Add the extra: goodstanding[fit]") from None
    check_writable(policy, "--policy")
    source = source_of(data, adapter)
    settings = deployment_settings(source)
    choice = CHOICES[adapter]
    table = design.design_of(source, choice, settings, policies.profile(settings.retention_profile), say)
    try:
        fit.check_enough(choice, table)
    except fit.TooFewError as few:
        raise UserError(f"{data}: {few}", "Name a file with more people.") from None
    say("Fitting")
    card = msgspec.structs.replace(fit.fitted(choice, table), learned_from=source.content or None)
    faults = list(card.faults())
    assert not faults, faults
    say("Cross-validating")
    places = [places_of(outcomes) for outcomes in fit.cross_validated(choice, table)]
    comment = _COMMENT.format(adapter=adapter, data=_below_root(data), doubling=fit.DOUBLING_POINTS)
    policy.write_text(f"{directive(POLICY, 'scorecard')}\n{toml_of(card, comment)}", encoding="utf-8")
    rules = {segment.code: len(card.rules_of(segment.code)) for segment in card.segments}
    area, distance, people = fmean(map(auc, places)), fmean(map(ks, places)), len(table.defaulted)
    if as_json:
        measures = {"auc": round(area, 4), "ks": round(distance, 4)}
        answer_json({"file": str(policy), "policy": card.id, "people": people, "rules": rules, **measures})
        return
    counted = ", ".join(f"{count} in {segment}" for segment, count in rules.items())
    tell(
        f"{policy}: {card.id}, learned from {people:,} people. Rules: {counted}. On people whom it was not learned "
        f"from: AUC {area:.4f}, KS {distance:.4f}."
    )
    tell(
        "On the file that it was learned from it looks better than it is. Judge it by other people: goodstanding "
        f"backtest --data OTHER-FILE --adapter {adapter} --policy {policy}"
    )


def _below_root(file: Path) -> str:
    """The file as seen from the project, so that the comment is the same in every checkout."""
    path = file.resolve()
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else file.name
