"""The campaign's policies: the shipped ones, with a scorecard so fine that one obligation or record more or less, lost
or doubled, moves the score."""

from __future__ import annotations

import shutil
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from goodstanding.simulation.rule_book import read_policy

_SHIPPED = Path(__file__).resolve().parents[2] / "policies"

_SHARE_POINTS = 480
_CARD = """
name = "campaign"
effective_on = 2000-01-01
cadence = "continuous"
publication_day = 6
months_min = 3

[dimensions]
credit_history = 480
behavior = 60
performance_ability = 30
identity = 20
connections = 10

[[rules]]
code = "kept-on-time"
dimension = "credit_history"
measure = "share_on_time"
window_months = 24
kinds = ["credit_card.repayment", "phone.bill", "transit.fare", "hotel.stay", "water.bill", "gas.bill"]
unknown = 240
bands = [{share}]

[[rules]]
code = "active-months"
dimension = "behavior"
measure = "active_months"
window_months = 12
kinds = ["shop.purchase", "water.bill", "phone.bill"]
unknown = 5
bands = [{months}]

[[rules]]
code = "steady-income"
dimension = "performance_ability"
measure = "latest_figure"
window_months = 12
kinds = ["income.reported"]
steady_months = 2
unknown = 10
bands = [{income}]

[[rules]]
code = "verified-identity"
dimension = "identity"
measure = "fact"
kind = "identity.verified"
unknown = 5
values = {{ verified = 20, withdrawn = 0 }}

[[rules]]
code = "contacts-standing"
dimension = "connections"
measure = "contacts_standing"
unknown = 3
bands = [{contacts}]

[[rules]]
code = "negative-records"
dimension = "credit_history"
measure = "negative_records"
unknown = 0
unsettled = {{ legal = -97, financial = -61, life = -37 }}
settled = {{ legal = -29, financial = -19, life = -11 }}
lowest = -200

[ceilings]
legal = 580
financial = 640

[restrictions]
legal = ["credit", "financing", "luxury-purchases"]
financial = ["credit"]
"""


def scorecard() -> Mapping[str, Any]:
    """As the oracle reads it."""
    return tomllib.loads(_text())


def profile() -> Mapping[str, Any]:
    """How long records are kept, as the oracle reads it."""
    return read_policy(_SHIPPED / "retention" / "cn.toml")


def tier_table() -> Mapping[str, Any]:
    """As the oracle reads it."""
    return read_policy(_SHIPPED / "benefits.toml")


def write_policies(directory: Path) -> None:
    """A directory of policies as the services read it: the shipped ones with this scorecard."""
    shutil.copytree(_SHIPPED, directory)
    (directory / "scorecard.toml").write_text(_text())


def _text() -> str:
    return _CARD.format(
        share=_bands((-(-points * 1000 // _SHARE_POINTS), points) for points in range(_SHARE_POINTS + 1)),
        months=_bands((months, 5 * months) for months in range(13)),
        income=_bands((step * 150_000, step) for step in range(31)),
        contacts=_bands((350 + 100 * step, 2 * step) for step in range(6)),
    )


def _bands(bands: Any) -> str:
    return ", ".join(f"{{ at_least = {at_least}, points = {points} }}" for at_least, points in bands)
