"""Reads what the scorer works by: the scorecards, and the settings that bear on them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from services.scorer.core.folding import Window
from services.scorer.core.policy import Policy, faults_among, in_order
from services.scorer.core.scorecard import Scorecard
from services.scorer.settings import ScorerSettings
from shared.contracts.months import month_of_name
from shared.policy_file import load_kinds, load_policy, scorecard_files
from shared.settings import key_bytes
from shared.toml_file import ConfigError, error_at


def load(settings: ScorerSettings) -> Policy:
    """Raises ConfigError."""
    return Policy(
        scorecards=scorecards(settings.policies),
        zone=settings.zone_info,
        accepts_late_months=settings.accepts_late_months,
        window=_window(settings.backfill),
        silent=settings.silent,
        explains=settings.portal,
        fingerprint_key=key_bytes(settings.fingerprint_key),
    )


def _window(backfill: str | None) -> Window | None:
    if backfill is None:
        return None
    partner, first, last = backfill.split(":")
    return Window(partner, month_of_name(first), month_of_name(last))


def scorecards(policies: Path) -> tuple[Scorecard, ...]:
    """All scorecards of a deployment, the earliest first. Raises ConfigError, also for two of one day."""
    load_kinds(policies)
    files = scorecard_files(policies)
    cards = [load_policy(file, Scorecard) for file in files]
    for error in clashes(files, cards):
        raise error
    return in_order(cards)


def clashes(files: Sequence[Path], cards: Sequence[Scorecard]) -> Iterator[ConfigError]:
    """Why one deployment cannot have these scorecards, each of one of the files, beside one another."""
    for index, (key, sentence) in faults_among(cards):
        yield error_at(files[index], key, sentence)
