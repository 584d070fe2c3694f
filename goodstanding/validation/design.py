"""A data set as a table: what each feature says of each person, in which segment, and what became of the person."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from goodstanding.person.user_id import user_id_of
from goodstanding.platform.fixed_settings import FixedSettings
from goodstanding.simulation.real_data.source import Source
from goodstanding.validation.backtest import folded
from goodstanding.validation.candidates import Choice
from services.scorer.core.compiled import Compiled, all_of
from shared.contracts.retention_profile import Profile

Column: TypeAlias = NDArray[np.float64]
Rows: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Design:
    """One row a person, in the order of the data set. A value is a whole number, NaN where it is unknown."""

    values: dict[str, Column]
    """By feature."""
    segment: Rows
    """The place of each person's segment."""
    defaulted: Column
    """1 or 0."""


def design_of(
    source: Source, choice: Choice, settings: FixedSettings, profile: Profile, step: Callable[[str], None]
) -> Design:
    """Everybody of whom something is known after the data set's last month, measured by the compiled features that the
    scorer evaluates with."""
    card = choice.measuring()
    compiled, names = Compiled(card), list(card.features)
    conditions = [all_of(segment.when, names) for segment in card.segments]
    *_, (last, offline) = folded(source, settings, profile, step)
    rows, segments, defaulted = [], [], []
    for person in source.people:
        state = offline.states.get(user_id_of(person.identifier, settings))
        if state is None:
            continue
        measured = list(compiled.measured(state, last).values())
        rows.append([np.nan if each is None else each[0] for each in measured])
        segments.append(next(place for place, holds in enumerate(conditions) if holds(measured)))
        defaulted.append(person.defaulted)
    table = np.array(rows, dtype=np.float64).reshape(-1, len(names))
    return Design(
        values=dict(zip(names, table.T, strict=True)),
        segment=np.array(segments, dtype=np.int64),
        defaulted=np.array(defaulted, dtype=np.float64),
    )
