"""Policy files for the tools: read and checked as the services do it, with no service running."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

from goodstanding.errors import UserError
from goodstanding.partner.mapping_files import compiled_file
from goodstanding.platform.deployment import Settings, partners
from services.benefits.core import table
from services.benefits.core.table import TierTable
from services.retention.core import profile
from services.retention.core.profile import Profile
from services.scorer.core import scorecard
from services.scorer.core.scorecard import Rule, Scorecard
from shared.settings import ROOT
from shared.toml_file import ConfigError, KeyPath, error_at, load

T = TypeVar("T")
_POLICIES = ROOT / "policies"


def read_scorecard(file: Path) -> Scorecard:
    """Raises ConfigError with file, line, key and what to do, as the next two."""
    return _checked(file, Scorecard, scorecard.faults)


def read_tier_table(file: Path = _POLICIES / "benefits.toml") -> TierTable:
    return _checked(file, TierTable, table.faults)


def read_profile(file: Path) -> Profile:
    return _checked(file, Profile, profile.faults)


def rules_by_code() -> dict[str, Rule]:
    """The rules of the scorecard that is in force from now on."""
    return {rule.code: rule for rule in read_scorecard(_POLICIES / "scorecard.toml").rules}


def when_scores_come() -> str:
    """A sentence for somebody who looks for a score too early."""
    card = read_scorecard(_POLICIES / "scorecard.toml")
    if card.cadence == "continuous":
        return "Scores are published as soon as something changes them."
    return (
        f"Scores are published on day {card.publication_day} of each month. "
        "To see them at once: goodstanding local up --continuous"
    )


def profile_file(name: str) -> Path:
    """The file of a retention profile. Raises UserError for one that there is none of."""
    names = sorted(path.stem for path in (_POLICIES / "retention").glob("*.toml") if not path.name.startswith("."))
    if name not in names:
        raise UserError(f"There is no retention profile {name}.", f"Say one of: {', '.join(names)}.")
    return _POLICIES / "retention" / f"{name}.toml"


def check_all(settings: Settings) -> None:
    """Check every file that the services of this deployment read at their start. Raises ConfigError, with a remedy."""
    for name in partners():
        try:
            compiled_file(ROOT / "partners" / f"{name}.toml", settings)
        except ConfigError as error:
            raise ConfigError(error.file, error.line, error.key, _with_remedy(error.sentence)) from None
    for file in (_POLICIES / "scorecard.toml", _POLICIES / "benefits.toml", profile_file(settings.retention_profile)):
        check(file)


def check(file: Path) -> str:
    """What a policy file is, in a few words. Raises ConfigError, with a remedy, if it must not be used."""
    try:
        document = load(file, dict[str, Any])
        for told_by, described in _KINDS.items():
            if told_by in document:
                return described(file)
    except ConfigError as error:
        raise ConfigError(error.file, error.line, error.key, _with_remedy(error.sentence)) from None
    sentence = f"This is no policy file. One has one of these keys at the top: {', '.join(_KINDS)}."
    raise ConfigError(file, 1, "", sentence)


def _scorecard(file: Path) -> str:
    card = read_scorecard(file)
    return f"scorecard {card.id}, {len(card.rules)} rules, {card.cadence}, in force from {card.effective_on}"


def _tier_table(file: Path) -> str:
    tiers = read_tier_table(file)
    return f"tier table {tiers.id}: {', '.join(f'{tier.name} from {tier.from_score}' for tier in tiers.tiers)}"


def _profile(file: Path) -> str:
    found = read_profile(file)
    years = found.years
    return (
        f"retention profile {found.name}: legal {years.legal}, financial {years.financial}, life {years.life} years, "
        f"in {found.zone}"
    )


def _mapping(file: Path) -> str:
    partner = compiled_file(file, Settings.new())
    return f"mapping of the partner {partner.name}: {len(partner.readings)} of its codes are read"


_KINDS: dict[str, Callable[[Path], str]] = {
    "rules": _scorecard,
    "dimensions": _scorecard,
    "tiers": _tier_table,
    "years": _profile,
    "answer_days": _profile,
    "format": _mapping,
}
"""By a key that only files of that kind have."""


def _checked(file: Path, type: type[T], faults: Callable[[T], Iterable[tuple[KeyPath, str]]]) -> T:
    policy = load(file, type)
    for key, sentence in faults(policy):
        raise error_at(file, key, sentence)
    return policy


_WANTED = {
    "int": "Write a whole number.",
    "str": 'Write a text, in "quotes".',
    "array": "Write a list, in [brackets].",
    "object": "Write a table, in {braces} or under a [header].",
    "bool": "Write true or false.",
    "date": "Write a day, as 2026-01-31, without quotes.",
}
_REMEDIES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile("unknown field"), "Remove it, or mend its spelling."),
    (re.compile("missing required field"), "Add it."),
    (re.compile("not TOML"), "Mend the line; https://toml.io shows how each value is written."),
    (re.compile("cannot be read"), "Name a file that is there."),
    *((re.compile(f"Expected `{name}"), remedy) for name, remedy in _WANTED.items()),
    (
        re.compile("Invalid (enum )?value '[^']*'\\.$"),
        "Use one of the words that the shipped file of this kind explains.",
    ),
)


def _with_remedy(sentence: str) -> str:
    """The rules' own sentences say what to do; those of the parser only what is wrong."""
    return " ".join([sentence, *(remedy for pattern, remedy in _REMEDIES if pattern.search(sentence))][:2])
