"""What another tier table would do: a table of people, each with what becomes of them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from goodstanding import policies
from goodstanding.validation.tier_preview import Crossing, TierPreview, answer_of
from services.benefits.core.policy import Policy
from services.benefits.core.standing import Scored, Standing, judged
from services.benefits.core.table import Benefit, Tier, TierTable
from shared.settings import ROOT

NOW = datetime(2026, 6, 1, tzinfo=UTC)
OLD = TierTable(
    name="old",
    tiers=(
        Tier(code="fair", name="Fair", from_score=600, benefits=(Benefit("bike", "Bike"), Benefit("line", "Line"))),
        Tier(code="good", name="Good", from_score=650, grace_days=30, benefits=(Benefit("car", "Car"),)),
    ),
    restrictions={"credit": ("line",), "trains": ()},
)
STRICTER = msgspec.structs.replace(
    OLD, tiers=(OLD.tiers[0], msgspec.structs.replace(OLD.tiers[1], from_score=680)), name="stricter"
)
AT_ONCE = msgspec.structs.replace(
    STRICTER, tiers=(OLD.tiers[0], msgspec.structs.replace(STRICTER.tiers[1], grace_days=0)), name="at-once"
)
CLOSING = msgspec.structs.replace(OLD, restrictions={"credit": ("bike",), "trains": ("car",)}, name="closing")


def somebody(score: int, *restrictions: str) -> Standing:
    said = Scored(score_version=1, score=score, thin=False, restrictions=restrictions)
    return judged(None, said, NOW, OLD, Policy(tables=(OLD,), zone=UTC))


@pytest.mark.parametrize(
    ("new", "people", "crossings", "told"),
    [
        pytest.param(OLD, [somebody(660)], {}, {}, id="the same table"),
        pytest.param(
            STRICTER,
            [somebody(660), somebody(690)],
            {Crossing("good", "fair", True): 1},
            {"ending": {"car": 1}},
            id="grace",
        ),
        pytest.param(
            AT_ONCE,
            [somebody(660), somebody(661)],
            {Crossing("good", "fair", False): 2},
            {"revoked": {"car": 2}},
            id="once",
        ),
        pytest.param(
            STRICTER,
            [somebody(660, "trains")],
            {Crossing("good", "fair", False): 1},
            {"revoked": {"car": 1}},
            id="a restriction has no grace",
        ),
        pytest.param(
            CLOSING,
            [somebody(660, "credit"), somebody(660, "trains")],
            {},
            {
                "granted": {"line": 1},
                "revoked": {"bike": 1, "car": 1},
                "closed": [
                    {"restriction": "credit", "benefit": "bike", "people": 1},
                    {"restriction": "trains", "benefit": "car", "people": 1},
                ],
                "opened": [{"restriction": "credit", "benefit": "line", "people": 1}],
            },
            id="restrictions",
        ),
    ],
)
def test_found(new: TierTable, people: list[Standing], crossings: dict[Crossing, int], told: dict[str, object]) -> None:
    preview = TierPreview(OLD, new, UTC, NOW, names_max=1)
    for number, standing in enumerate(people):
        preview.take(f"{number:064x}", standing)
    assert preview.found.people == len(people)
    assert dict(preview.found.crossings) == crossings
    assert len(preview.found.crossing) == bool(crossings)
    answer = answer_of(preview.found, OLD, new)
    empty: dict[str, object] = {"granted": {}, "revoked": {}, "ending": {}, "closed": [], "opened": []}
    assert {key: answer[key] for key in empty} == {**empty, **told}


def test_a_file_says_which_kind_it_is(tmp_path: Path) -> None:
    assert policies.is_tier_table(ROOT / "policies" / "benefits.toml")
    assert not policies.is_tier_table(ROOT / "policies" / "scorecard.toml")
