"""The scorecard, computed again and apart from the services: what each feature says of a person, and what it gives.

Part of the rule book (`rule_book`): every event is looked at again for every feature, and nothing is remembered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from goodstanding.simulation.rule_book import Behavior, Circle, MeantEvent

Spec: TypeAlias = Mapping[str, Any]
Said: TypeAlias = tuple[int | str, int] | None
"""A value and what it rests on; None is unknown."""


@dataclass(frozen=True, slots=True)
class Sight:
    """A person as of the months up to `through`, with the policy's lists of kinds."""

    behavior: Behavior
    through: int
    circle: Circle | None
    kinds: Mapping[str, Sequence[str]]
    least: Mapping[str, int]
    """Below which amount of a kind a month does not have it (rules S25)."""
    light_where_late: bool = True

    def named(self, names: Sequence[str]) -> list[str]:
        return [kind for name in names for kind in self.kinds.get(name, (name,))]

    def kind_months(
        self, names: Sequence[str], months: int, *, with_late: bool = False
    ) -> dict[tuple[int, str], list[MeantEvent]]:
        """What was done, by how many months ago and kind, where more was done than taken back, and where it comes to
        its least; `with_late` also what comes to less and was late."""
        kinds, with_late = self.named(names), with_late and self.light_where_late
        found: dict[tuple[int, str], list[MeantEvent]] = {}
        for ago in range(months):
            for event in self.behavior.done.get(self.through - ago, ()):
                if event.kind in kinds:
                    found.setdefault((ago, event.kind), []).append(event)
        return {
            (ago, kind): events
            for (ago, kind), events in found.items()
            if _net(events) > 0 and (not self._is_light(kind, events) or (with_late and _worst(events)))
        }

    def has_light_and_late(self) -> bool:
        """Nearly nobody has, and need have all features looked at again."""
        months = self.kind_months([*self.least], 24, with_late=True)
        return any(self._is_light(kind, events) for (_, kind), events in months.items())

    def _is_light(self, kind: str, events: Sequence[MeantEvent]) -> bool:
        return 0 < _amount(events) < self.least.get(kind, 0)

    def total(self, side: Spec, first: int, last: int, *, named: bool = False) -> int | None:
        """The amounts or limits of the events of that many months ago, in sum, without what was taken back; None where
        a limit is unknown, unless it is asked for those that are named."""
        found = 0
        for month in range(self.through - last + 1, self.through - first + 1):
            for kind in self.named(side["kinds"]):
                events = [event for event in self.behavior.done.get(month, ()) if event.kind == kind]
                if side.get("of", "amount") == "limit" and events:
                    limit = (self.behavior.named_limit if named else self.behavior.limit)(kind, month)
                    if limit is None:
                        return None
                    found += limit
                elif side.get("of", "amount") == "amount":
                    found += _amount(events)
        return found

    def names_a_limit(self, names: Sequence[str], ago: int) -> bool:
        return any(self.behavior.names_a_limit(kind, self.through - ago) for kind in self.named(names))

    def figures(self, spec: Spec) -> dict[int, int]:
        """The highest figure of each month of the window, by how many months ago."""
        highest: dict[int, int] = {}
        for (month, kind, _partner, _consent), event in self.behavior.figures.items():
            ago = self.through - month
            if kind in self.named(spec["kinds"]) and 0 <= ago < spec["months"]:
                highest[ago] = max(event.amount or 0, highest.get(ago, 0))
        return highest


def scored(card: Spec, behavior: Behavior, through: int, circle: Circle | None) -> tuple[int, list[int]]:
    """What the rules but those of records give, and the limits that hold."""
    kinds, least = card.get("kinds", {}), dict[str, int]()
    for name, amount in card.get("least", {}).items():
        for kind in kinds.get(name, (name,)):
            least[kind] = max(amount, least.get(kind, 0))
    sight = Sight(behavior, through, circle, kinds, least)
    said = {name: says(spec, sight) for name, spec in card["features"].items()}
    segment = next((s["code"] for s in card.get("segments", ()) if _all_hold(s.get("when", ()), said)), None)
    rules = [rule for rule in card["rules"] if "segments" not in rule or segment in rule["segments"]]
    points = {rule["code"]: _points(rule, said[rule["feature"]]) for rule in rules}
    if sight.has_light_and_late():
        without = replace(sight, light_where_late=False)
        for rule in rules:
            points[rule["code"]] = min(
                points[rule["code"]], _points(rule, says(card["features"][rule["feature"]], without))
            )
    total = sum(points.values())
    for cap in card.get("caps", ()):
        gains = sum(points[rule["code"]] - rule["unknown"] for rule in rules if rule["code"] in cap["rules"])
        total -= max(0, gains - cap["points"])
    limits = [limit["ceiling"] for limit in card.get("limits", ()) if _all_hold(limit["when"], said)]
    return total, limits


def says(spec: Spec, sight: Sight) -> Said:
    return _FEATURES[spec["is"]](spec, sight)


def unknown_features(card: Spec) -> list[str]:
    """Those that the card names and that cannot be computed here."""
    return [spec["is"] for spec in card["features"].values() if spec["is"] not in _FEATURES]


def _points(rule: Spec, said: Said) -> int:
    unknown = int(rule["unknown"])
    if said is None:
        return unknown
    value, observations = said
    if isinstance(value, str):
        measured = next((bin["points"] for bin in rule["bins"] if bin["is"] == value), unknown)
    else:
        reached = [bin for bin in rule["bins"] if value >= bin["at_least"]] or rule["bins"][:1]
        measured = reached[-1]["points"]
    evidence = rule.get("evidence")
    if evidence is None or measured == unknown:
        return int(measured)
    full = evidence["full"] if measured > unknown else evidence.get("below", evidence["full"])
    way = abs(measured - unknown) * min(observations, full) // full
    return int(unknown + way if measured > unknown else unknown - way)


def _all_hold(conditions: Sequence[Spec], said: Mapping[str, Said]) -> bool:
    return all(_holds(condition, said[condition["feature"]]) for condition in conditions)


def _holds(condition: Spec, said: Said) -> bool:
    if said is None:
        return bool(condition.get("unknown", False))
    value = said[0]
    if isinstance(value, str):
        return bool(condition.get("is") == value)
    if "at_least" not in condition and "below" not in condition:
        return False
    return bool(condition.get("at_least", value) <= value and ("below" not in condition or value < condition["below"]))


# -- the features, each from the reference of the policy file ----------------------------------------------------------


def _net(events: Sequence[MeantEvent]) -> int:
    return sum(-event.count if event.reverses else event.count for event in events)


def _amount(events: Sequence[MeantEvent]) -> int:
    return sum((-1 if event.reverses else 1) * (event.amount or 0) for event in events)


def _worst(events: Sequence[MeantEvent]) -> int:
    return max(event.days_late for event in events)


def _window(spec: Spec, sight: Sight) -> dict[tuple[int, str], list[MeantEvent]]:
    return sight.kind_months(spec["kinds"], spec["months"])


def _dues(spec: Spec, sight: Sight) -> dict[tuple[int, str], list[MeantEvent]]:
    """The same for what asks for lateness."""
    return sight.kind_months(spec["kinds"], spec["months"], with_late=True)


def _share(spec: Spec, sight: Sight) -> Said:
    months = _dues(spec, sight)
    weights = {kind: spec.get("weights", {}).get(kind, 100) for _, kind in months}
    whole = sum(weights[kind] for _, kind in months)
    kept = 0
    for (ago, kind), events in months.items():
        late = sum(event.count for event in events if event.days_late)
        lost = weights[kind] * (1000 - (_net(events) - late) * 1000 // _net(events))
        kept += weights[kind] * 1000 - lost // 2 ** (ago // (spec.get("halves") or spec["months"]))
    return (kept // whole, len(months)) if whole else None


def _days(spec: Spec, sight: Sight) -> Iterator[int]:
    """The worst days of each kind-month that was late, weighed and halved."""
    for (ago, kind), events in _dues(spec, sight).items():
        weight = spec.get("weights", {}).get(kind, 100)
        days = min(_worst(events), spec.get("most") or _worst(events))
        if days and weight:
            yield max(days * weight // 100, 1) // 2 ** (ago // (spec.get("halves") or spec["months"]))


def _worst_days(spec: Spec, sight: Sight) -> Said:
    observed = len(_dues(spec, sight))
    return (max(_days(spec, sight), default=0), observed) if observed else None


def _days_late(spec: Spec, sight: Sight) -> Said:
    observed = len(_dues(spec, sight))
    return (sum(_days(spec, sight)), observed) if observed else None


def _late_months(spec: Spec, sight: Sight) -> set[int]:
    return {ago for (ago, _), events in _dues(spec, sight).items() if _worst(events) >= spec.get("late_from", 1)}


def _months_since(spec: Spec, sight: Sight) -> Said:
    observed = len(_dues(spec, sight))
    return (min(_late_months(spec, sight), default=spec["months"]), observed) if observed else None


def _months_late(spec: Spec, sight: Sight) -> Said:
    observed = len(_dues(spec, sight))
    return (len(_late_months(spec, sight)), observed) if observed else None


def _streak(spec: Spec, sight: Sight) -> Said:
    months = _dues(spec, sight)
    last = min(_late_months(spec, sight), default=spec["months"])
    return (len({ago for ago, _ in months if ago < last}), len(months)) if months else None


def _count(spec: Spec, sight: Sight) -> Said:
    observed = len(_window(spec, sight))
    kinds = sight.named(spec["kinds"])
    events = [e for ago in range(spec["months"]) for e in sight.behavior.done.get(sight.through - ago, ())]
    return (max(_net([e for e in events if e.kind in kinds]), 0), observed) if observed else None


def _kind_months(spec: Spec, sight: Sight) -> Said:
    observed = len(_window(spec, sight))
    return (observed, observed) if observed else None


def _sum(spec: Spec, sight: Sight) -> Said:
    observed, total = len(_window(spec, sight)), sight.total(spec, 0, spec["months"])
    return (max(total, 0), observed) if observed and total is not None else None


def _months_active(spec: Spec, sight: Sight) -> Said:
    months = _window(spec, sight)
    return (len({ago for ago, _ in months}), len(months)) if months else None


def _regular(spec: Spec, sight: Sight) -> Said:
    known = {ago for ago, _ in sight.kind_months(spec["kinds"], 24)}
    seen = min(max(known, default=-1) + 1, spec["months"])
    active = len({ago for ago in known if ago < spec["months"]})
    return (active * 1000 // seen, seen) if seen else None


def _active_streak(spec: Spec, sight: Sight) -> Said:
    months = _window(spec, sight)
    active = {ago for ago, _ in months}
    idle = next((ago for ago in range(spec["months"]) if ago not in active), spec["months"])
    return (idle, len(months)) if months else None


def _variety(spec: Spec, sight: Sight) -> Said:
    months = _window(spec, sight)
    return (len({kind for _, kind in months}), len(months)) if months else None


def _begun(spec: Spec, sight: Sight) -> Said:
    first: dict[str, int] = {}
    for ago, kind in sight.kind_months(spec["kinds"], 24):
        first[kind] = max(ago, first.get(kind, 0))
    oldest = max(first.values(), default=0)
    if oldest < spec["months"]:
        return None
    newer = [kind for kind, ago in first.items() if ago < spec["months"] and ago + spec["months"] <= oldest]
    return len(newer), 1


def _history(spec: Spec, sight: Sight) -> Said:
    seen = min(max(sight.behavior.history(sight.through), 0), 24)
    return (seen, seen) if seen else None


def _ratio(spec: Spec, sight: Sight) -> Said:
    observed = len(sight.kind_months(spec["under"]["kinds"], spec["months"]))
    counted = spec["months"]
    if spec["under"].get("of") == "limit":
        named = (ago for ago in range(counted) if sight.names_a_limit(spec["under"]["kinds"], ago))
        counted = max(named, default=-1) + 1
    over, under = (sight.total(spec[side], 0, counted, named=side == "under") for side in ("over", "under"))
    if not observed or over is None or not under or under < 0:
        return None
    return max(over, 0) * 1000 // under, observed


def _trend(spec: Spec, sight: Sight) -> Said:
    observed, half = len(_window(spec, sight)), spec["months"] // 2
    earlier, later = sight.total(spec, half, 2 * half), sight.total(spec, 0, half)
    if not observed or later is None or not earlier or earlier < 0:
        return None
    return (max(later, 0) - earlier) * 1000 // earlier, observed


def _fact(spec: Spec, sight: Sight) -> Said:
    fact = sight.behavior.facts.get(spec["kind"])
    return (fact.value or "", 1) if fact else None


def _figure(spec: Spec, sight: Sight) -> Said:
    by_month = sight.figures(spec)
    latest = sorted(by_month)[: spec["steady_months"]]
    return (min(by_month[ago] for ago in latest), len(latest)) if len(latest) == spec["steady_months"] else None


def _figure_months(spec: Spec, sight: Sight) -> Said:
    by_month = sight.figures(spec)
    return (len(by_month), len(by_month)) if by_month else None


def _of_circle(figure: str) -> Callable[[Spec, Sight], Said]:
    return lambda _, sight: (getattr(sight.circle, figure), 1) if sight.circle else None


_FEATURES: Mapping[str, Callable[[Spec, Sight], Said]] = {
    "share": _share,
    "worst": _worst_days,
    "days_late": _days_late,
    "months_since": _months_since,
    "months_late": _months_late,
    "streak": _streak,
    "count": _count,
    "kind_months": _kind_months,
    "sum": _sum,
    "months_active": _months_active,
    "regular": _regular,
    "active_streak": _active_streak,
    "variety": _variety,
    "begun": _begun,
    "history": _history,
    "ratio": _ratio,
    "trend": _trend,
    "fact": _fact,
    "figure": _figure,
    "figure_months": _figure_months,
    "contacts": _of_circle("standing"),
    "influence": _of_circle("influence"),
    "stability": _of_circle("stability"),
}
