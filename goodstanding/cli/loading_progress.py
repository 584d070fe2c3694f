"""How far an import is, while a file is read and while its months are sent."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Self

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from goodstanding.cli.frame import errors, progress, say, wants_json
from goodstanding.loading.playing import Month
from goodstanding.simulation.driver import Lag
from shared.contracts.months import month_name

_TELL_EVERY_S = 2.0


class Bar:
    """How far the import is: a bar in a terminal, elsewhere a line for each month. `total` events are to be sent; 0
    where only time passes."""

    def __init__(self, total: int) -> None:
        self._total, self._sent = total, 0
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed:,.0f} of {task.total:,.0f}" if total else ""),
            TimeElapsedColumn(),
            console=errors,
            transient=True,
            disable=not errors.is_terminal or wants_json.get(),
        )
        self._task = self._bar.add_task("", total=total or None)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def watch(self, day: datetime, lag: Lag) -> None:
        """What the clock shows, and what a service has still to do."""
        todo = f"{lag.service} {lag.records:,}" if lag.records else ""
        self._bar.update(self._task, description=f"{day:%Y-%m-%d} {todo}")

    def over(self, month: Month) -> None:
        """A month is sent and taken."""
        self._sent += month.events
        self._bar.update(self._task, completed=self._sent)
        if not errors.is_terminal:
            refused = f", {month.refused:,} refused" if month.refused else ""
            say(f"{month_name(month.month)}: {month.events:,} events{refused}; {self._sent:,} of {self._total:,}")


class Reading:
    """Tells now and then how much of a file is read."""

    def __init__(self, name: str) -> None:
        self._name, self._tell_at = name, time.monotonic() + _TELL_EVERY_S

    def __call__(self, events: int) -> None:
        if time.monotonic() >= self._tell_at:
            progress(f"{self._name}: {events:,} events read")
            self._tell_at = time.monotonic() + _TELL_EVERY_S
