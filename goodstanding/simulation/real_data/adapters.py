"""The data sets that `--adapter` can name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from goodstanding.simulation.real_data import uci_credit_card
from goodstanding.simulation.real_data.source import Source


def adapters() -> Mapping[str, Callable[[Path], Source]]:
    """Readers of data sets by name. Each takes the file and raises DataError, or OSError when there is none."""
    return {"uci-credit-card": uci_credit_card.read}
