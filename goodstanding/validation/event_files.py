"""The scores of the people in files of partners' events, computed by the services' own rules, with no server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

from msgspec.structs import replace

from goodstanding.errors import UserError
from goodstanding.offline import Offline
from goodstanding.partner.event import PartnerEvent
from goodstanding.partner.event_file import lines_of
from goodstanding.partner.mapping_files import compiled, headers_of, mapping_of
from goodstanding.partner.verdicts import Line
from goodstanding.platform.deployment import partners
from goodstanding.platform.fixed_settings import FixedSettings
from services.ingest.core.normalize import Refused, judged
from services.scorer.core.score import Evaluation
from services.scorer.core.scorecard import Scorecard
from shared.contracts import zones
from shared.contracts.months import month_of
from shared.contracts.retention_profile import NoticeDays, Profile

_ALL_MONTHS = 12 * 200
"""No event of a file is too late: each is taken as though it had been sent when it happened."""
_NO_REFUSAL = ("accepted", "duplicate", "skipped")


@dataclass(frozen=True, slots=True)
class Scored:
    """One person's score. `first` is where the person's first event stands, as `bank.jsonl:3`."""

    user_id: str
    first: str
    evaluation: Evaluation


@dataclass(frozen=True, slots=True)
class Scores:
    """`refused` counts the events that do not count, by the code of their refusal."""

    people: Sequence[Scored]
    events: int
    refused: Mapping[str, int]


def scores_of(
    files: Sequence[tuple[Path, str]], card: Scorecard, day: date, settings: FixedSettings, profile: Profile
) -> Scores:
    """The scores of everybody in these files, each of a partner, as a publication at the end of that day would have
    them: over the complete months before it, or in continuous cadence with the month at hand. Nobody has contacts here.
    Raises UserError for a file or a partner that there is not, ConfigError for a mapping that cannot be used."""
    zone = zones.zone(settings.zone)
    end = datetime.combine(day + timedelta(days=1), time(), zone) - timedelta(microseconds=1)
    # All of it is taken as if it had come in time, so that people have known of their records for long enough.
    told = replace(profile, notice_days=NoticeDays())
    offline = Offline(settings, told, accepts_late_months=_ALL_MONTHS)
    first: dict[str, tuple[int, int]] = {}
    events = 0
    for place, (file, partner) in enumerate(files):
        mapping = mapping_of(partner)
        headers = headers_of(mapping)
        for line in lines_of(file, mapping):
            events += len(line.numbers) or 1
            for index, user_id in enumerate(offline.take(partner, _event(line, headers), end.astimezone(UTC))):
                if user_id is not None:
                    # Events that are told apart by what they say are read together, wherever they stand in the file.
                    here = place, line.number_of(index)
                    first[user_id] = min(here, first.get(user_id, here))
    through = month_of(end, zone) - (card.cadence == "monthly")
    found = offline.evaluations(card, through, end)
    people = [
        Scored(user_id, f"{files[place][0].name}:{number}", found[user_id])
        for user_id, (place, number) in sorted(first.items(), key=lambda each: each[1])
        if user_id in found
    ]
    refused = {code: count for code, count in offline.counts.items() if code not in _NO_REFUSAL}
    return Scores(people, events, refused)


def partner_of(file: Path, settings: FixedSettings) -> str:
    """Whose events a file holds: the partner whose name the file has, as `bank.jsonl`, or else the only partner whose
    mapping reads its first event. Raises UserError where neither tells."""
    known = partners()
    named = file.name.partition(".")[0]
    if named in known:
        return named
    reading = [name for name in known if _reads(name, file, settings)]
    if len(reading) == 1:
        return reading[0]
    found = (
        f"The first event of {file} is one that {' and '.join(reading)} may send."
        if reading
        else (f"No partner's mapping reads the first event of {file}.")
    )
    raise UserError(found, f"Say whose events they are with --partner, one of: {', '.join(known)}.")


def _reads(partner: str, file: Path, settings: FixedSettings) -> bool:
    mapping = mapping_of(partner)
    event = _event(lines_of(file, mapping)[0], headers_of(mapping))
    found = judged(compiled(partner, settings), event, datetime.now(UTC))
    return not any(isinstance(each, Refused) for each in found)


def _event(line: Line, headers: tuple[tuple[str, bytes], ...]) -> PartnerEvent:
    return PartnerEvent(_NO_TIME, line.key or b"", line.value, headers)


_NO_TIME = datetime.min.replace(tzinfo=UTC)
"""The rules read the time in the event itself."""
