"""Whether a deployment's past is open, in each service's own database, so that no setting can open it again.

A deployment that is set up with the clock `loading` has its past open: an import leads the clock through it, and
`goodstanding go-live` closes it for good (decision 0040). Which clock a process is given is a setting, and settings are
copied and mistyped; so a service with a database compares the setting with what the database says before it decides
anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from shared.postgres import DbOrPool, queries

_SQL = queries(Path(__file__).with_name("past.sql"))


class PastError(Exception):
    """The clock that the process was given contradicts the database. str(error) is the sentence for readiness."""


@dataclass(frozen=True, slots=True)
class Past:
    """All None in a deployment that is new. `last_seen` is the last time that the system's clock is known to have
    shown."""

    loading_since: datetime | None
    live_since: datetime | None
    last_seen: datetime | None

    @property
    def is_open(self) -> bool:
        return self.loading_since is not None and self.live_since is None


async def past(db: DbOrPool) -> Past:
    row = await db.fetchrow(_SQL["past"])
    assert row is not None
    return Past(row["loading_since"], row["live_since"], row["last_seen"])


async def begin(db: DbOrPool, clock: str) -> None:
    """Called by a process before it decides anything by this clock. Raises PastError."""
    if clock == "loading":
        await db.execute(_SQL["begin"])
    if sentence := contradiction(clock, await past(db)):
        raise PastError(sentence)


async def keep_last_seen(db: DbOrPool, now: datetime) -> None:
    """Called for as long as the system's clock is trusted, so that a jump of it is noticed after a restart too."""
    await db.execute(_SQL["keep_last_seen"], now)


async def close(db: DbOrPool) -> None:
    """The past is closed for good; closing it again changes nothing."""
    await db.execute(_SQL["close"])


def contradiction(clock: str, past: Past) -> str | None:
    """Why a process with this clock may not work on this database; None if it may."""
    if clock != "loading":
        if not past.is_open:
            return None
        return (
            "This platform is loading its past, and the process was started with another clock. Go on with"
            " `goodstanding import`, or end the loading with `goodstanding go-live`."
        )
    if past.live_since is not None:
        return (
            f"The past of this platform was closed on {past.live_since:%Y-%m-%d}, and nothing opens it again: start the"
            " process with GOODSTANDING_CLOCK=system."
        )
    if not past.is_open:
        return (
            "This platform has worked by the system's clock, so its past is closed: start the process with"
            " GOODSTANDING_CLOCK=system. A past is loaded into a platform that is set up for it."
        )
    return None
