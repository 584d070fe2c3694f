from __future__ import annotations

from goodstanding.simulation.real_data.bands import Band, bands_of


def test_bands_hold_fifty_points_and_only_those_with_people() -> None:
    outcomes = [(350, True), (399, False), (400, False), (649, True), (650, False), (699, False), (950, False)]
    assert bands_of(outcomes) == [
        Band(350, 399, 2, 1),
        Band(400, 449, 1, 0),
        Band(600, 649, 1, 1),
        Band(650, 699, 2, 0),
        Band(900, 950, 1, 0),
    ]
    assert bands_of(outcomes)[0].default_rate == 0.5


def test_nobody_gives_no_band() -> None:
    assert bands_of([]) == []
