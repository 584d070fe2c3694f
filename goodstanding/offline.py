"""The services' rules on partners' events, in memory and without a server: what would be known of each person?

Ingest's rules read an event, retention's keep the records, and the scorer's fold what comes of it into the person's
state. They are the very functions that the services call, so a state made here has the same bytes as theirs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime

from goodstanding.partner.mapping_files import compiled
from goodstanding.platform.fixed_settings import FixedSettings
from services.ingest.core.normalize import Normalized, Raw, Refused, Skipped, judged
from services.ingest.core.partner import Partner
from services.retention.core import decide as retention
from services.retention.core import effects
from services.retention.core.messages import Due, Report
from services.scorer.core.folding import Accepted, Duplicate, fold, fold_record
from services.scorer.core.messages import event_of
from services.scorer.core.score import Evaluation, evaluate
from services.scorer.core.scorecard import Scorecard
from services.scorer.core.state import State, without_lapsed
from shared.contracts import zones
from shared.contracts.messages import BehaviorEvent, RecordReport, encode
from shared.contracts.months import month_of
from shared.contracts.retention_profile import Profile

_ACCEPTED, _REPEATED = "accepted", "duplicate"


class Offline:
    """What a deployment with these settings would know after the events that `take` was given.

    `counts` has how many were accepted and repeated, and how many were refused by their codes. Raises UserError or
    ConfigError for a partner whose mapping cannot be used.
    """

    def __init__(self, settings: FixedSettings, profile: Profile, accepts_late_months: int = 1) -> None:
        self.counts: Counter[str] = Counter()
        self._settings, self._late_months = settings, accepts_late_months
        self._zone = zones.zone(settings.zone)
        self._policy = retention.Policy(profile=profile, fingerprint_key=bytes.fromhex(settings.fingerprint_key))
        self._partners: dict[str, Partner] = {}
        self._states: dict[str, State] = {}
        self._records: dict[str, retention.Person] = {}

    @property
    def states(self) -> Mapping[str, State]:
        """By user_id, of everybody of whom something is known. They are not to be changed."""
        return self._states

    def take(self, partner: str, message: Raw, arrived: datetime) -> list[str | None]:
        """Take one message of the partner in, as it arrives. Events of one person come in the order of the log.

        Returns for each of its events the user_id of the person whom it is about, None where ingest does not take it.
        """
        if partner not in self._partners:
            self._partners[partner] = compiled(partner, self._settings)
        people: list[str | None] = []
        for found in judged(self._partners[partner], message, arrived):
            people.append(found.user_id if isinstance(found, Normalized) else None)
            match found:
                case Skipped():
                    self.counts["skipped"] += 1
                case Refused(fault=fault):
                    self.counts[fault.code.value] += 1
                case Normalized(body=body):
                    if isinstance(body, RecordReport):
                        self._report(partner, found, body, arrived)
                    else:
                        self._fold(partner, found, body, arrived)
        return people

    def evaluations(self, card: Scorecard, through: int, instant: datetime) -> dict[str, Evaluation]:
        """Everybody's score by this policy over the months up to and including `through`, by user_id, with the records
        that count at `instant`, which is not before any arrival. Nobody's contacts have a standing here."""
        for user_id in self._records:
            self._decide(user_id, Due(user_id, instant), instant)
        return {
            user_id: evaluate(without_lapsed(state, instant), card, through, None)
            for user_id, state in self._states.items()
        }

    def _fold(self, partner: str, event: Normalized, body: BehaviorEvent, arrived: datetime) -> None:
        month = month_of(arrived, self._zone)
        message = event_of(
            event.user_id, partner, event.event_id, "", event.time, month, encode(body), body, self._zone
        )
        match fold(self._state(event.user_id), message, self._late_months):
            case Accepted():
                self.counts[_ACCEPTED] += 1
            case Duplicate():
                self.counts[_REPEATED] += 1
            case refused:
                self.counts[type(refused).__name__] += 1

    def _report(self, partner: str, event: Normalized, body: RecordReport, arrived: datetime) -> None:
        self._decide(event.user_id, Report(event.user_id, partner, event.event_id, "", body, event.time), arrived)

    def _decide(self, user_id: str, message: Report | Due, now: datetime) -> None:
        known = self._records.get(user_id, retention.Person())
        decided = retention.decide(known, [message], now, self._policy)
        self._records[user_id] = decided.person
        for id, effect in decided.effects:
            match effect:
                case effects.Changed(record):
                    change = effects.change_of(id, record, decided.person.version_base)
                    fold_record(self._state(user_id), change, month_of(now, self._zone))
                    self.counts[_ACCEPTED] += isinstance(message, Report)
                case effects.Refused(fault=fault):
                    self.counts[fault.code.value] += 1
                case effects.Repeated():
                    self.counts[_REPEATED] += 1
                case effects.Expired() | effects.Removed():
                    change = effects.last_change(id, effect, decided.person.version_base)
                    fold_record(self._state(user_id), change, month_of(now, self._zone))
                    self.counts[_ACCEPTED] += isinstance(message, Report)
                case _:
                    pass

    def _state(self, user_id: str) -> State:
        return self._states.setdefault(user_id, State())
