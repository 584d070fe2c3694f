"""What a newcomer watches: live in a terminal, plain lines anywhere else."""

from __future__ import annotations

import io
from datetime import date

import pytest
from rich.console import Console

from goodstanding.simulation.real_data.bands import Band
from goodstanding.simulation.view import Done, Now, band_table, view_for

NOW = Now(
    date(2005, 4, 30), "the bank reports April", 52_884, 53, {"scores.changed": 7, "tiers.changed": 8}, "scorer 9"
)
APRIL = Done("2005-04", 52_884, 53, 14_959, 100, 20, 4.2)


def shown(*, terminal: bool) -> str:
    file = io.StringIO()
    with view_for(Console(file=file, force_terminal=terminal, width=100, highlight=False)) as view:
        view.step("Starting Kafka and Postgres")
        view.show(NOW)
        if terminal:
            view._live.refresh()  # type: ignore[attr-defined]  # else it paints a few times a second
        view.done(APRIL)
    return file.getvalue()


def test_a_line_for_each_step_and_month_without_a_terminal() -> None:
    lines = shown(terminal=False).splitlines()
    assert lines[0] == "Starting Kafka and Postgres"
    assert lines[1].startswith("2005-04: 52,884 events in, 53 refused; 14,959 scores")
    assert len(lines) == 2


def test_date_totals_lag_and_months_in_a_terminal() -> None:
    picture = shown(terminal=True)
    for part in ("30 April 2005", "the bank reports April", "52,884", "scores 7", "scorer 9", "14,959"):
        assert part in picture


@pytest.mark.parametrize("width", [80, 120])
def test_bands_fit_into_a_terminal(width: int) -> None:
    file = io.StringIO()
    bands = [Band(500, 549, 1331, 801), Band(700, 749, 13_669, 0)]
    Console(file=file, width=width).print(band_table(bands))
    lines = file.getvalue().splitlines()
    assert len(lines) == 3
    assert lines[1].split()[:5] == ["500-549", "1,331", "8.9%", "801", "60.2%"]
    assert lines[2].split() == ["700-749", "13,669", "91.1%", "0", "0.0%"]
