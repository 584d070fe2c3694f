"""`goodstanding rates update`: lines are only added, and the means are those of the central bank's own days."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from goodstanding.rates import Mean, new_lines, reference_means
from services.ingest.core.money import RATES_HEADER
from shared.contracts.months import month_of_name
from shared.settings import ROOT
from tests.support.command_line import ask

HEADER = ",".join(RATES_HEADER)
SHIPPED = ROOT / "policies" / "rates.csv"


@pytest.fixture(scope="module")
def means() -> Sequence[Mean]:
    return reference_means()


def test_the_shipped_table_is_what_the_package_has(means: Sequence[Mean]) -> None:
    """Each of its lines, as far as the installed package goes: a newer one only adds months."""
    shipped = SHIPPED.read_text().splitlines()
    assert shipped[0] == HEADER
    assert set(shipped[1:]) <= set(new_lines(HEADER, means))


def test_a_table_goes_on_where_it_ended(means: Sequence[Mean]) -> None:
    lines = SHIPPED.read_text().splitlines()
    assert new_lines("\n".join(lines[:-5]), means)[:5] == lines[-5:]


def test_a_line_that_is_there_stays_whatever_it_says(means: Sequence[Mean]) -> None:
    added = new_lines(f"{HEADER}\n2026-03,USD,1.5,agreed with the auditor\n", means)
    assert [line for line in added if line.startswith("2026-03,USD")] == []
    assert [line for line in added if line.startswith("2026-02,USD")] != []


def test_a_month_takes_the_mean_of_the_month_before() -> None:
    mean = Mean(month_of_name("2025-12"), "USD", Decimal("1.170000"), date(2025, 12, 1), date(2025, 12, 31))
    assert new_lines(HEADER, [mean]) == ["2026-01,USD,1.17,ECB mean of 2025-12-01 to 2025-12-31"]


def test_a_mean_is_of_whole_months_only(means: Sequence[Mean]) -> None:
    """The rouble was last stated on 1 March 2022: one day is no mean of a month."""
    roubles = [mean for mean in means if mean.currency == "RUB"]
    assert max(roubles).last == date(2022, 2, 28)
    assert all((mean.last - mean.first).days >= 24 for mean in means)


def test_the_command_writes_a_table_that_is_taken(tmp_path: Path) -> None:
    file = tmp_path / "rates.csv"
    run = ask("rates", "update", "--file", str(file), "--json")
    assert run.exit_code == 0, run.output
    told = json.loads(run.stdout)
    assert told["added"] >= len(SHIPPED.read_text().splitlines()) - 1
    again = ask("rates", "update", "--file", str(file))
    assert "no lines added" in again.stdout
    checked = ask("policy", "check", str(file))
    assert "exchange rates of 32 currencies, 2019-01 to 20" in checked.stdout


def test_a_month_that_is_missing_between_others_is_told(tmp_path: Path) -> None:
    file = tmp_path / "rates.csv"
    months = {"2026-01", "2026-02", "2026-05"}
    lines = [f"{month},{currency},7.5,me" for currency in ("CNY", "USD", "DKK") for month in sorted(months)]
    file.write_text(
        "\n".join([HEADER, *lines, "2026-03,CNY,7.5,me", "2026-04,CNY,7.5,me", "2026-04,USD,7.5,me"]) + "\n"
    )
    checked = ask("policy", "check", str(file))
    gaps = "rates are missing between others: DKK of 2026-03 to 2026-04, USD of 2026-03"
    assert checked.stdout.rstrip().endswith(f"2026-01 to 2026-05. Look at this: {gaps}"), checked.stdout
    assert "Look at this" not in ask("policy", "check", str(SHIPPED)).stdout


def test_a_table_at_fault_is_not_continued(tmp_path: Path) -> None:
    file = tmp_path / "rates.csv"
    file.write_text(f"{HEADER}\n2026-03,USD,zero,me\n")
    for command in (["rates", "update", "--file", str(file)], ["policy", "check", str(file)]):
        run = ask(*command)
        assert run.exit_code == 1
        assert "rates.csv:2:" in run.output
    assert file.read_text().endswith("zero,me\n")
