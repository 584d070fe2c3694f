"""`backtest`: a policy held against what became of real people."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from goodstanding import policies
from goodstanding.cli.data_set import AdapterName, DataFile, source_of
from goodstanding.cli.frame import AsJson, answer_json, console, fail, prose, say, stops_politely, table
from goodstanding.cli.picture import check_drawing
from goodstanding.platform.stack import given_addresses
from goodstanding.simulation.view import band_table
from goodstanding.validation import plot
from goodstanding.validation.backtest import Report, answer_of, deployment_settings, report, scores
from goodstanding.validation.live import live_scores
from goodstanding.validation.measures import OneSidedError, Part
from shared.policy_file import SCORECARD
from shared.settings import policies_here

POLICY = policies_here() / SCORECARD
_LEARNED_FROM = {
    "this-file": "The points were learned from this very file, so that they look better here than they will elsewhere. "
    "Judge them by people whom they were not learned from.",
    "another-file": "The points were learned from another file. If that has some of these people too, they look better "
    "here than they will elsewhere.",
}


def backtest(
    data: DataFile,
    adapter: AdapterName,
    policy: Annotated[
        Path, typer.Option(metavar="FILE", help="The scorecard.", show_default="policies/scorecard.toml")
    ] = POLICY,
    picture: Annotated[
        Path | None, typer.Option("--plot", metavar="FILE", help="Write curve, bands and calibration there, as SVG.")
    ] = None,
    live: Annotated[
        bool, typer.Option("--live", help="Through the running services, on servers of its own, in some minutes.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Score the people of a data set by a policy, and compare with what became of them. No server is needed.

    With --live the services publish the scores, which are the same to the point, and the command fails if one is not.

    It tells how well the score separates those who defaulted (AUC, KS, Gini, each with a bootstrap interval of 95 %),
    the default rate of each band, the calibration, how many scores there are and how stable they are (PSI).

    Example: goodstanding backtest --data data/uci-credit-card-train.csv --adapter uci-credit-card
    """
    if picture is not None:
        check_drawing(picture, "--plot")
    found = backtested(data, adapter, policy, live=live, screen=Console(quiet=True) if as_json else console)
    if picture is not None:
        picture.write_text(plot.svg(found), encoding="utf-8")
    if as_json:
        answer_json(answer_of(found))
    else:
        show(found)


def backtested(data: Path, adapter: str, policy: Path, *, live: bool = False, screen: Console = console) -> Report:
    """The report on a policy file. Ends the command with a sentence where there can be none, and where the services
    publish other scores."""
    card = policies.scorecard(policy)
    source = source_of(data, adapter)
    settings = deployment_settings(source)
    found = scores(source, card, settings, policies.profile(settings.retention_profile), say)
    if live:
        with stops_politely("Interrupted; everything that was started is stopped."):
            published = live_scores(source, card, policy, settings, screen, given_addresses())
        _fail_on_difference(found.last, published.last)
        found = published
    try:
        return report(source, card, found)
    except OneSidedError:
        fail(
            f"In {data} everybody with a score defaulted, or nobody did, so that no score can tell them apart.",
            "Name a file that has both.",
        )


def _fail_on_difference(offline: Mapping[str, int], live: Mapping[str, int]) -> None:
    differing = [who for who in sorted(offline.keys() | live.keys()) if offline.get(who) != live.get(who)]
    if differing:
        who = differing[0]
        fail(
            f"The services publish other scores than were worked out, for {len(differing):,} people; for {who} "
            f"{live.get(who)} and not {offline.get(who)}. That is a bug."
        )
    say(f"The services have published the same scores for all {len(live):,} people.")


def show(found: Report) -> None:
    """The report for people."""
    prose(
        f"[bold]{found.policy}[/] on {found.people:,} people through {found.month}; {found.defaulted:,} of them "
        f"defaulted in the month after."
    )
    if found.without_score:
        prose(f"{found.without_score:,} more have no score: the data set says nothing of them.")
    if found.learned_from:
        prose(_LEARNED_FROM[found.learned_from])
    console.print(_power_table(found))
    console.print()
    console.print(band_table(found.bands))
    console.print(f"\n[bold]Calibration[/], {_line_of(found)}")
    console.print(_parts_table(found.calibration.parts))
    prose(
        f"\n{found.distinct_scores:,} different scores; {found.commonest_share:.1%} of the people share the commonest. "
        f"Against the publication before: PSI {found.stability:.3f} (below 0.1 is stable)."
    )


def _power_table(found: Report) -> Table:
    power = found.power
    rows = [
        (name, f"{each.value:.4f}", f"{each.low:.4f} to {each.high:.4f}", meaning)
        for name, each, meaning in (
            ("AUC", power.auc, "how often one who defaulted has the lower score of two"),
            ("KS", power.ks, "the greatest distance of the two groups"),
            ("Gini", power.gini, "2 AUC - 1"),
        )
    ]
    return table(("", "value", "95 % interval", ""), rows, right=("value",))


def _line_of(found: Report) -> str:
    line = found.calibration
    if abs(line.doubling_points) > 1e6:
        return "without a line: the score says nothing of the odds."
    return (
        f"if {line.doubling_points:.0f} points double the odds: mean error {line.error:.1%}, even odds at "
        f"{line.even_at:.0f}"
    )


def _parts_table(parts: tuple[Part, ...]) -> Table:
    rows = [
        (f"{part.low}-{part.high}", f"{part.people:,}", f"{part.default_rate:.1%}", f"{part.expected_rate:.1%}")
        for part in parts
    ]
    return table(("score", "people", "defaulted", "expected"), rows, right=("people", "defaulted", "expected"))
