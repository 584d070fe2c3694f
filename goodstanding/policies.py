"""Policy files for the tools: read and checked as the services do it, with no service running."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, TypeAlias

from goodstanding.errors import UserError
from goodstanding.partner.event import PartnerEvent
from goodstanding.partner.event_file import lines_of
from goodstanding.partner.mapping_files import compiled_file, headers_of, ingest_settings
from goodstanding.partner.mapping_remarks import remarks
from goodstanding.platform.fixed_settings import FixedSettings
from goodstanding.platform.stack import Stack
from goodstanding.rates import described
from services.benefits.core.table import TierTable
from services.benefits.loading import clashes as table_clashes
from services.benefits.loading import tier_tables
from services.ingest.core.normalize import Refused, Skipped, judged
from services.ingest.core.partner import Partner
from services.ingest.loading import load_context, load_mapping, load_partners, parse_rates
from services.scorer.core.features.activity import Ratio
from services.scorer.core.features.base import Unit, Windowed, kinds_of
from services.scorer.core.features.punctuality import Worst
from services.scorer.core.features.stated import Fact
from services.scorer.core.scorecard import Scorecard
from services.scorer.loading import clashes as scorecard_clashes
from services.scorer.loading import scorecards
from shared.contracts.kinds import KIND_OF, Shape
from shared.contracts.own_kinds import OwnKinds
from shared.contracts.retention_profile import Profile
from shared.policy_file import SCORECARD, load_policy, profile_file, scorecard_files, tier_files
from shared.settings import partners_here, policies_here
from shared.toml_file import ConfigError, load, text_of

_POLICIES = policies_here()


def tier_table(day: date | None = None, directory: Path = _POLICIES) -> TierTable:
    """The tier table that is in force on that day, else today. Raises ConfigError, as the next three."""
    tables = tier_tables(directory)
    in_force = [table for table in tables if table.day <= (day or datetime.now(UTC).date())]
    return in_force[-1] if in_force else tables[0]


def units_by_code() -> dict[str, Unit]:
    """What the value is that a rule of the scorecards rests on, by the rule's code."""
    return units_of(scorecards(_POLICIES))


def units_of(cards: Iterable[Scorecard]) -> dict[str, Unit]:
    """The same of these scorecards."""
    return {rule.code: card.features[rule.feature].unit for card in cards for rule in card.rules}


def in_force_on(day: date, directory: Path = _POLICIES) -> Scorecard:
    """The scorecard of this directory by which a publication of that day is made. Raises ConfigError, and UserError
    where none is in force yet."""
    cards = [card for card in scorecards(directory) if card.effective_on <= day]
    if not cards:
        raise UserError(f"No scorecard of {directory} is in force on {day} yet.", "Name a file, or a later day.")
    return cards[-1]


def profile(name: str) -> Profile:
    """The retention profile of that name. Raises UserError for an unknown one."""
    return load_policy(_profile_file(name), Profile)


def when_scores_come(*, continuous: bool) -> str:
    """A sentence for somebody who looks for a score too early. A deployment may be continuous whatever its scorecard
    says."""
    card = load_policy(_POLICIES / SCORECARD, Scorecard)
    if continuous or card.cadence == "continuous":
        return "Scores are published as soon as something changes them."
    return (
        f"Scores are published on day {card.publication_day} of each month. "
        "To see them at once: goodstanding local up --continuous"
    )


def _profile_file(name: str) -> Path:
    names = sorted(path.stem for path in (_POLICIES / "retention").glob("*.toml") if not path.name.startswith("."))
    if name not in names:
        raise UserError(f"There is no retention profile {name}.", f"Say one of: {', '.join(names)}.")
    return profile_file(_POLICIES, name)


def check_all(settings: FixedSettings) -> None:
    """Read every file that the services of this deployment read at their start. Raises ConfigError, with a remedy."""
    load_partners(partners_here(), load_context(ingest_settings(settings)))
    scorecards(_POLICIES)
    tier_tables(_POLICIES)
    load_policy(_profile_file(settings.retention_profile), Profile)


def check(file: Path) -> str:
    """What a policy file is, in a few words. Raises ConfigError, with a remedy, if it must not be used."""
    if file.suffix == ".csv":
        return check_rates(file, text_of(file))
    if found := _kind_of(file):
        return found(file)
    sentence = f"This is no policy file. One has one of these keys at the top: {', '.join(_KINDS)}."
    raise ConfigError(file, 1, "", sentence)


def check_together(files: Sequence[Path]) -> list[ConfigError]:
    """Why a deployment cannot have these files beside one another, where each may be used by itself: what its services
    find in the scorecards, and the tier tables, that they read from one directory."""
    found: list[ConfigError] = []
    for directory in dict.fromkeys(file.parent for file in files):
        named = {file.name for file in files if file.parent == directory}
        cards, tables = ([f for f in of(directory) if f.name in named] for of in (scorecard_files, tier_files))
        found += scorecard_clashes(cards, [load_policy(file, Scorecard) for file in cards])
        found += table_clashes(tables, [load_policy(file, TierTable) for file in tables])
    return found


def check_rates(file: Path, text: str) -> str:
    """What a table of exchange rates has, in a few words. Raises ConfigError for a line at fault."""
    settings = Stack.default().settings
    base = settings.currency if settings else FixedSettings.new().currency
    return described(parse_rates(file, text, base).factors)


def compared(old: Path, new: Path) -> tuple[Comparable, Comparable]:
    """Two policy files of one kind, each without faults. Raises ConfigError, and UserError for files of two kinds, or
    of one that is not compared."""
    kinds = [_kind_of(file) for file in (old, new)]
    types = [_COMPARED.get(kind) for kind in kinds]
    if types[0] is None or types[1] is None or types[0] is not types[1]:
        raise UserError(
            f"{old} and {new} cannot be compared.", "Name two scorecards, two tier tables or two retention profiles."
        )
    return load_policy(old, types[0]), load_policy(new, types[0])


def scorecard(file: Path) -> Scorecard:
    """The scorecard that somebody names. Raises ConfigError, and UserError for a file of another kind."""
    if _kind_of(file) is not _scorecard:
        raise UserError(f"{file} is no scorecard.", f"Name one, such as policies/{SCORECARD}.")
    return load_policy(file, Scorecard)


def is_tier_table(file: Path) -> bool:
    """Whether the file says that it is one. Raises ConfigError for a file that cannot be read."""
    return _kind_of(file) is _tier_table


def id_of(policy: Comparable) -> str:
    """The policy's id; a profile, which has none, goes by its name."""
    return policy.name if isinstance(policy, Profile) else policy.id


def _kind_of(file: Path) -> Callable[[Path], str] | None:
    document = load(file, dict[str, Any])
    return next((described for told_by, described in _KINDS.items() if told_by in document), None)


def _scorecard(file: Path) -> str:
    card = load_policy(file, Scorecard)
    told = f"scorecard {card.id}, {len(card.rules)} rules, {card.cadence}, in force from {card.effective_on}"
    settings = Stack.default().settings or FixedSettings.new()
    # A remark must not fail a scorecard that is sound: what is wrong with the profile is told where that is checked.
    with suppress(ConfigError, UserError):
        days = profile(settings.retention_profile).behavior_days_late_max
        if codes := never_so_late(card, days):
            late = f"later than {days} days is a negative record, so that nobody has the last bin of"
            told += f"; {late} {', '.join(codes)}"
    unread = not_read(card)
    return f"{told}; nothing reads {', '.join(unread)}" if unread else told


def never_so_late(card: Scorecard, days: int) -> list[str]:
    """The rules with a bin for more days late than behavior may be (rules E10)."""
    return [
        rule.code
        for rule in card.rules
        if isinstance(feature := card.features[rule.feature], Worst)
        and (rule.bins[-1].at_least or 0) > days * max([100, *feature.weights.values()]) // 100
    ]


def not_read(card: Scorecard) -> list[str]:
    """The kinds of behavior and facts that bear on nothing: no feature of the scorecard reads them."""
    read: set[str] = set()
    for feature in card.features.values():
        match feature:
            case Fact():
                read.add(feature.kind)
            case Ratio():
                read |= {kind.name for kind in kinds_of([*feature.over.kinds, *feature.under.kinds], card.kinds)}
            case Windowed():
                read |= {kind.name for kind in kinds_of(feature.kinds, card.kinds)}
    others = (kind for kind in KIND_OF.values() if kind.shape not in (Shape.RECORD, Shape.CONTACT))
    return [kind.name for kind in others if kind.name not in read]


def _tier_table(file: Path) -> str:
    tiers = load_policy(file, TierTable)
    begins = f", in force from {tiers.effective_on}" if tiers.effective_on else ""
    return f"tier table {tiers.id}: {', '.join(f'{tier.name} from {tier.from_score}' for tier in tiers.tiers)}{begins}"


def _profile(file: Path) -> str:
    found = load_policy(file, Profile)
    years = found.years
    return (
        f"retention profile {found.name}: legal {years.legal}, financial {years.financial}, life {years.life} years, "
        f"in {found.zone}"
    )


def _own_kinds(file: Path) -> str:
    own = load_policy(file, OwnKinds).own_kinds
    return f"kinds of the deployment's own: {', '.join(each.name for each in own)}"


def _mapping(file: Path) -> str:
    partner = compiled_file(file, FixedSettings.new())
    skipped = sum(other.reading is None for other in partner.others)
    read = len(partner.readings) + len(partner.others) - skipped
    told = f"mapping of the partner {partner.name}: {read} code{' is' if read == 1 else 's are'} read"
    told += f", {skipped} passed over" if skipped else ""
    sample = next(file.parent.glob(f"{file.stem}.sample.*"), None)
    told += "" if sample is None else f", and {_sample(sample, partner, file)}"
    return "".join([told, *(f". Look at this: {remark.removesuffix('.')}" for remark in remarks(load_mapping(file)))])


def _sample(sample: Path, partner: Partner, file: Path) -> str:
    """What the mapping makes of the sample beside it. Raises ConfigError for the events that it refuses."""
    mapping = load_mapping(file)
    counts: Counter[str] = Counter()
    wrong: list[ConfigError] = []
    try:
        lines = lines_of(sample, mapping)
    except UserError as error:
        raise ConfigError(sample, 1, "", str(error)) from None
    for line in lines:
        event = PartnerEvent(datetime.min.replace(tzinfo=UTC), line.key or b"", line.value, headers_of(mapping))
        for index, found in enumerate(judged(partner, event, datetime.now(UTC))):
            if isinstance(found, Refused):
                fault = found.fault
                wrong.append(ConfigError(sample, line.number_of(index), fault.field, f"{fault.code}: {fault.sentence}"))
            counts["skipped" if isinstance(found, Skipped) else "read"] += 1
    if wrong:
        wrong[0].others = wrong[1:]
        raise wrong[0]
    skipped = f", {counts['skipped']} skipped" if counts["skipped"] else ""
    return f"of {sample.name} {counts['read']} events{skipped}"


_KINDS: dict[str, Callable[[Path], str]] = {
    "rules": _scorecard,
    "dimensions": _scorecard,
    "tiers": _tier_table,
    "years": _profile,
    "answer_days": _profile,
    "format": _mapping,
    "own_kinds": _own_kinds,
}
"""By a key that only files of that kind have."""
Comparable: TypeAlias = Scorecard | TierTable | Profile
_COMPARED: dict[Callable[[Path], str] | None, type[Comparable]] = {
    _scorecard: Scorecard,
    _tier_table: TierTable,
    _profile: Profile,
}
