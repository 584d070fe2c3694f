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

_SHARE_POINTS = 280
_DONE_POINTS = 200
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

[features]
kept = {{ is = "share", months = 24, kinds = [
    "credit_card.repayment", "phone.bill", "transit.fare", "hotel.stay", "water.bill", "gas.bill",
] }}
done = {{ is = "count", months = 24, kinds = [
    "credit_card.repayment", "phone.bill", "transit.fare", "hotel.stay", "water.bill", "gas.bill",
] }}
active = {{ is = "months_active", months = 12, kinds = ["shop.purchase", "water.bill", "phone.bill"] }}
income = {{ is = "figure", months = 12, kinds = ["income.reported"], steady_months = 2 }}
identity = {{ is = "fact", kind = "identity.verified" }}
contacts = {{ is = "contacts" }}

[[rules]]
code = "kept-on-time"
dimension = "credit_history"
feature = "kept"
direction = "higher"
unknown = 140
bins = [{share}]
en = "Kept: {{value}}."
zh = "x"

[[rules]]
code = "how-many"
dimension = "credit_history"
feature = "done"
direction = "higher"
unknown = 0
bins = [{done}]
en = "Done: {{value}}."
zh = "x"

[[rules]]
code = "active-months"
dimension = "behavior"
feature = "active"
direction = "higher"
unknown = 5
bins = [{months}]
en = "Active: {{value}}."
zh = "x"

[[rules]]
code = "steady-income"
dimension = "performance_ability"
feature = "income"
direction = "higher"
unknown = 0
bins = [{income}]
en = "Income: {{value}}."
zh = "x"

[[rules]]
code = "verified-identity"
dimension = "identity"
feature = "identity"
unknown = 5
bins = [{{ is = "verified", points = 20 }}, {{ is = "withdrawn", points = 0 }}]
en = "Identity: {{value}}."
zh = "x"

[[rules]]
code = "contacts-standing"
dimension = "connections"
feature = "contacts"
direction = "higher"
unknown = 3
bins = [{contacts}]
en = "Contacts."
zh = "x"

[records]
code = "negative-records"
dimension = "credit_history"
legal = {{ open = -97, settled = -29 }}
financial = {{ open = -61, settled = -19 }}
life = {{ open = -37, settled = -11 }}
lowest = -200
en = "Records."
zh = "x"

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
        done=_bands((done, done) for done in range(_DONE_POINTS + 1)),
        months=_bands((months, 5 * months) for months in range(13)),
        income=_bands((step * 150_000, step) for step in range(31)),
        contacts=_bands((350 + 100 * step, 2 * step) for step in range(6)),
    )


def _bands(bands: Any) -> str:
    return ", ".join(f"{{ at_least = {at_least}, points = {points} }}" for at_least, points in bands)
