"""From a person's state to a score whose items sum exactly to it (rules S1 to S17). Integers only."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple, TypeAlias

import msgspec

from services.scorer.core.scorecard import (
    BASE,
    CONTACTS_BAND,
    CONTACTS_MIN,
    WINDOW_MONTHS_MAX,
    ActiveMonths,
    ContactsStanding,
    Fact,
    LatestFigure,
    NegativeRecords,
    Rule,
    Scorecard,
    ShareOnTime,
)
from services.scorer.core.state import COUNT, LATE, WORST, State, Vector, amounts, vectors
from shared.contracts.kinds import KIND_OF, RecordClass

KEY_FACTORS_MAX = 4

RestsOn: TypeAlias = dict[str, int | str]


class Item(msgspec.Struct, frozen=True, array_like=True):
    """One summand of a score. `rests_on` are the figures behind it, empty where the measure is unknown."""

    code: str
    points: int
    best: int
    rests_on: RestsOn


class Evaluation(msgspec.Struct, frozen=True, array_like=True):
    """A score and why it is what it is. The points of `items` sum exactly to `score`, 350 to 950.

    Items are the base, every rule in the policy's order, and floor and ceiling where they move the score.
    `key_factors` are the codes of what costs most points, at most four, the costliest first.
    """

    score: int
    thin: bool
    restrictions: tuple[str, ...]
    key_factors: tuple[str, ...]
    items: tuple[Item, ...]

    @property
    def result(self) -> tuple[int, bool, tuple[str, ...]]:
        """What subscribers act on; in continuous cadence a change of it is what gets published."""
        return self.score, self.thin, self.restrictions


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Evaluation)
encode = _encoder.encode
decode = _decoder.decode


def evaluate(state: State, card: Scorecard, through: int, contacts: int | None) -> Evaluation:
    """The score over the months up to and including `through`.

    `contacts` is the standing of the person's contacts as `contacts_band` gives it.
    """
    window = vectors(state, through - WINDOW_MONTHS_MAX, through)
    history = through - state.first + 1 if state.first else 0
    items = tuple(_item(rule, state, window, through, history, contacts) for rule in card.rules)
    return _composed(items, _limits(_counting(state), card), thin=history < card.months_min)


def with_records_changed(last: Evaluation, state: State, card: Scorecard) -> Evaluation:
    """The last evaluation with what follows from the records as they now are, and nothing else moved: their items,
    ceiling, floor and restrictions. An item that the last one did not have comes with its policy's publication."""
    records = _counting(state)
    renewed = {rule.code: _negative_records(rule, records) for rule in card.rules if isinstance(rule, NegativeRecords)}
    rules = tuple(renewed.get(item.code, item) for item in _rules_without_records(last))
    return _composed(rules, _limits(records, card), last.thin)


def without_records(evaluation: Evaluation) -> Evaluation:
    """What would have been published had there been no record, by whatever policy it was: what the history keeps of a
    publication once a record that it may have rested on is gone."""
    return _composed(_rules_without_records(evaluation), _NO_LIMITS, evaluation.thin)


def band_of(standing: int) -> int:
    """The coarse band, 0 to 6, in which a contact's standing is seen; nothing finer enters another person's score."""
    return (standing - BASE) // CONTACTS_BAND


def contacts_band(contacts: int, bands: int) -> int | None:
    """Where the band begins in which the mean of so many contacts lies, given the sum of their bands; None with fewer
    than five of them."""
    if contacts < CONTACTS_MIN:
        return None
    return BASE + bands // contacts * CONTACTS_BAND


_Window: TypeAlias = list[tuple[int, dict[int, Vector]]]
_Banded: TypeAlias = ShareOnTime | ActiveMonths | LatestFigure | ContactsStanding
_Records: TypeAlias = list[tuple[RecordClass, bool]]
"""Class, and whether it is settled, of each."""
_ON_RECORDS = frozenset(f"{each}_{end}" for each in RecordClass for end in ("settled", "unsettled"))


class _Limits(NamedTuple):
    """What unsettled records impose: a ceiling with the class that sets it, and restrictions."""

    ceiling: tuple[int, str] | None
    restrictions: tuple[str, ...]


_NO_LIMITS = _Limits(None, ())


def _counting(state: State) -> _Records:
    return [(RecordClass(r.record_class), r.settled) for r in state.records.values() if r.record_class and r.counts]


def _item(rule: Rule, state: State, window: _Window, through: int, history: int, contacts: int | None) -> Item:
    match rule:
        case ShareOnTime():
            return _share_on_time(rule, window, through)
        case ActiveMonths():
            return _active_months(rule, window, through, history)
        case LatestFigure():
            return _latest_figure(rule, state, through)
        case ContactsStanding():
            return _unknown(rule) if contacts is None else _known(rule, contacts, _ON_CONTACTS)
        case Fact():
            return _fact(rule, state)
        case NegativeRecords():
            return _negative_records(rule, _counting(state))


_ON_CONTACTS: RestsOn = {"contacts_at_least": CONTACTS_MIN}
"""No standing and no number of them: it would tell whether a certain person has confirmed being a contact."""


def _known(rule: _Banded, measured: int, on: RestsOn) -> Item:
    return Item(rule.code, rule.points(measured), rule.best, on)


def _unknown(rule: Rule) -> Item:
    return Item(rule.code, rule.unknown, rule.best, {})


def _share_on_time(rule: ShareOnTime, window: _Window, through: int) -> Item:
    due = late = worst = 0
    codes, after = rule.codes, through - rule.window_months
    for month, by_kind in window:
        if month <= after:
            continue
        for code, vector in by_kind.items():
            if code in codes:
                due += vector[COUNT]
                if len(vector) > WORST:
                    late += vector[LATE]
                    worst = max(worst, vector[WORST])
    if not due:
        return _unknown(rule)
    on: RestsOn = {"obligations": due, "late": late}
    if late:
        on["days_late_max"] = worst
    return _known(rule, (due - late) * 1000 // due, on)


def _active_months(rule: ActiveMonths, window: _Window, through: int, history: int) -> Item:
    if history <= 0:
        return _unknown(rule)
    after = through - rule.window_months
    active = sum(1 for month, by_kind in window if month > after and _is_active(by_kind, rule.codes))
    seen = min(history, rule.window_months)
    item = _known(rule, active, {"months_active": active, "months_seen": seen})
    if seen < rule.window_months and item.points < rule.unknown:
        return Item(rule.code, rule.unknown, rule.best, item.rests_on)
    return item


def _is_active(by_kind: dict[int, Vector], codes: frozenset[int]) -> bool:
    # A reversal may be all that a month has.
    return any(code in codes and vector[COUNT] > 0 for code, vector in by_kind.items())


def _latest_figure(rule: LatestFigure, state: State, through: int) -> Item:
    by_month = amounts(state, rule.codes, through - rule.window_months, through)
    months = sorted(by_month, reverse=True)[: rule.steady_months]
    if len(months) < rule.steady_months:
        return _unknown(rule)
    steady = min(by_month[month] for month in months)
    return _known(rule, steady, {"amount": steady, "month": months[0]})


def _fact(rule: Fact, state: State) -> Item:
    fact = state.facts.get(KIND_OF[rule.kind].code)
    if fact is None or fact[2] not in rule.values:
        return _unknown(rule)
    return Item(rule.code, rule.values[fact[2]], rule.best, {"value": fact[2]})


def _negative_records(rule: NegativeRecords, records: _Records) -> Item:
    if not records:
        return _unknown(rule)
    counts = Counter(f"{each}_{'settled' if settled else 'unsettled'}" for each, settled in sorted(records))
    return Item(rule.code, rule.points(records), rule.best, {**counts})


def _rules_without_records(evaluation: Evaluation) -> tuple[Item, ...]:
    """The items of the rules, with nothing left in those that rest on records."""
    rules = (item for item in evaluation.items if item.code not in ("base", "floor", "ceiling"))
    return tuple(Item(i.code, i.best, i.best, {}) if _ON_RECORDS & i.rests_on.keys() else i for i in rules)


def _limits(records: _Records, card: Scorecard) -> _Limits:
    unsettled = {record_class for record_class, settled in records if not settled}
    ceiling = min(((card.ceilings[c], c) for c in unsettled if c in card.ceilings), default=None)
    restrictions = {code for record_class in unsettled for code in card.restrictions.get(record_class, ())}
    return _Limits(ceiling, tuple(sorted(restrictions)))


def _composed(rules: tuple[Item, ...], limits: _Limits, thin: bool) -> Evaluation:
    items = [Item("base", BASE, BASE, {}), *rules]
    score = sum(item.points for item in items)
    if score < BASE:
        items.append(Item("floor", BASE - score, 0, {}))
        score = BASE
    if limits.ceiling is not None and score > limits.ceiling[0]:
        ceiling, record_class = limits.ceiling
        items.append(Item("ceiling", ceiling - score, 0, {"ceiling": ceiling, "record_class": record_class}))
        score = ceiling
    return Evaluation(score, thin, limits.restrictions, _key_factors(items), tuple(items))


def _key_factors(items: list[Item]) -> tuple[str, ...]:
    """What costs most against the best; among equals the policy's order decides."""
    costs = [(item.best - item.points, item.code) for item in items if item.points < item.best]
    return tuple(code for _, code in sorted(costs, key=lambda cost: -cost[0])[:KEY_FACTORS_MAX])
