"""One summand of a score."""

from __future__ import annotations

from typing import TypeAlias

import msgspec

RestsOn: TypeAlias = dict[str, int | str]


class Item(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One summand of a score. The points of a rule rest on the value and the observations of its feature, those of
    records, caps, limits and the ceiling on figures with names of their own, and what is unknown on nothing."""

    code: str
    points: int
    best: int
    basis: tuple[int | str, int] | RestsOn
    """Value and observations without their names, which would be most of what is kept of a publication."""

    def upgraded(self) -> Item:
        """The same; an earlier release kept the names of value and observations."""
        if isinstance(self.basis, dict) and "observations" in self.basis:
            basis = self.basis["value"], int(self.basis["observations"])
            return Item(self.code, self.points, self.best, basis)
        return self

    @property
    def rests_on(self) -> RestsOn:
        """The figures behind it by name, empty where the feature is unknown."""
        if isinstance(self.basis, dict):
            return self.basis
        value, observations = self.basis
        return {"value": value, "observations": observations}
