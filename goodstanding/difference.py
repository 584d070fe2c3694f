"""What changed between two policies of a kind, part by part, as sentences and as data.

    differences(old, new)      # [Change("rule", "credit-on-time", "points from 900", 16, 18), ...]

What a file leaves out and what it says with the default's value are the same policy, and so no change.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import msgspec

Parts: TypeAlias = Mapping[str, Any]
_ONE_OF = {
    "dimensions": "dimension",
    "kinds": "list of kinds",
    "features": "feature",
    "segments": "segment",
    "rules": "rule",
    "caps": "cap",
    "limits": "limit",
    "records": "records",
    "hints": "hint",
    "ceilings": "ceiling",
    "settled_ceilings": "ceiling when settled",
    "restrictions": "restriction",
    "tiers": "tier",
    "years": "years",
}
"""What one member of a part of a file is called."""
_IN_ORDER = {"segments": "segment", "tiers": "tier"}
"""Parts of which the order decides something: a person belongs to the first segment that holds."""
_UNSAID: Sequence[object] = ("", None, [], (), {})


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. `old` is None of what is new, `new` of what is gone; `what` is empty where it is the whole
    member, and `part` is "policy" for what stands at the top of the file."""

    part: str
    name: str
    what: str
    old: object
    new: object

    @property
    def where(self) -> str:
        return f"{self.part} {self.name}".strip()

    @property
    def is_whole(self) -> bool:
        """Whether a whole member came or went."""
        return not self.what and None in (self.old, self.new)

    @property
    def sentence(self) -> str:
        """The change in words."""
        if self.is_whole and self.old is None:
            return f"{self.where} is new{f': {inline(self.new)}' if self.new else ''}."
        if self.is_whole:
            return f"{self.where} is gone; it was {inline(self.old)}."
        what = f"{self.where}: {self.what}" if self.what else self.where
        return f"{what} was {inline(self.old)}, is {inline(self.new)}."


def differences(old: msgspec.Struct, new: msgspec.Struct) -> list[Change]:
    """All changes, in the order of the file. Both are of one type."""
    before, after = msgspec.to_builtins(old), msgspec.to_builtins(new)
    return [change for part in before for change in _of_part(part, before[part], after[part])]


def inline(value: object) -> str:
    """A value as one writes it in TOML on one line; what says nothing is left out of tables."""
    match value:
        case None:
            return "nothing"
        case bool():
            return str(value).lower()
        case Mapping():
            return "{ " + ", ".join(f"{k} = {inline(v)}" for k, v in value.items() if v not in _UNSAID) + " }"
        case list() | tuple():
            return f"[{', '.join(map(inline, value))}]"
        case _:
            return str(value)


def _of_part(part: str, old: Any, new: Any) -> Iterator[Change]:
    if part not in _ONE_OF:
        if old != new:
            yield Change("policy", "", part, old, new)
        return
    before, after = _members(old), _members(new)
    for name in [*before, *(name for name in after if name not in before)]:
        yield from _of_member(_ONE_OF[part], name, before.get(name), after.get(name))
    common = [name for name in before if name in after]
    now = [name for name in after if name in before]
    if part in _IN_ORDER and common != now:
        yield Change("policy", "", f"order of the {part}", common, now)


def _members(part: Any) -> dict[str, Any]:
    """By their codes, or by their names where the file has them as a table."""
    if part is None:
        return {}
    if isinstance(part, Mapping):
        return {"": part} if "code" in part else dict(part)
    return {member["code"]: member for member in part}


def _of_member(part: str, name: str, old: Any, new: Any) -> Iterator[Change]:
    if old is None or new is None:
        yield Change(part, name, "", _summary(old), _summary(new))
    elif isinstance(old, Mapping) and isinstance(new, Mapping):
        yield from (Change(part, name, *change) for change in _of_table("", old, new))
    elif old != new:
        yield Change(part, name, "", old, new)


def _of_table(what: str, old: Parts, new: Parts) -> Iterator[tuple[str, object, object]]:
    for key in [*old, *(key for key in new if key not in old)]:
        before, after, named = old.get(key), new.get(key), f"{what} {key}".strip()
        if before == after:
            continue
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            yield from _of_table(named, before, after)
        elif key == "bins":
            yield from _of_bins(_bins(before or ()), _bins(after or ()))
        elif key == "benefits":
            yield from _of_table("benefit", _members(before), _members(after))
        else:
            yield named, before, after


def _of_bins(old: Mapping[str, Parts], new: Mapping[str, Parts]) -> Iterator[tuple[str, object, object]]:
    for start in [*old, *(start for start in new if start not in old)]:
        before, after = old.get(start, {}), new.get(start, {})
        for key in ("points", "en", "zh") if before and after else ("points",):
            if before.get(key) != after.get(key):
                yield f"{key} {start}", before.get(key), after.get(key)


def _bins(bins: Sequence[Parts]) -> dict[str, Parts]:
    return {f"if {bin['is']}" if bin.get("is") else f"from {bin['at_least']}": bin for bin in bins}


def _summary(member: Any) -> Any:
    """A whole member without the sentences, and of a rule's bins the points alone."""
    if not isinstance(member, Mapping):
        return member
    told = {key: value for key, value in member.items() if key not in ("en", "zh", "code") and value not in _UNSAID}
    if "bins" in told:
        told["bins"] = {start: bin["points"] for start, bin in _bins(told["bins"]).items()}
    return told
