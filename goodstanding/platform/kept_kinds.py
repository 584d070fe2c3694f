"""The own kinds that a deployment has had: none of them may go, or mean something else, since what is stored has their
codes (decision 0033)."""

from __future__ import annotations

from pathlib import Path

import msgspec

from goodstanding.errors import UserError
from goodstanding.users_files import write_whole
from shared.contracts.own_kinds import OwnKind, OwnKinds
from shared.policy_file import OWN_KINDS, load_policy

KEPT = "kinds.json"


def keep(directory: Path, policies: Path) -> None:
    """Compare the file of own kinds with those that the deployment in this directory has had, and note the new ones.

    Raises UserError for one that is gone or has another meaning, ConfigError for a file at fault.
    """
    file, kept = policies / OWN_KINDS, directory / KEPT
    now = load_policy(file, OwnKinds).own_kinds if file.exists() else ()
    before = msgspec.json.decode(kept.read_bytes(), type=tuple[OwnKind, ...]) if kept.exists() else ()
    meaning = {own.code: _meaning(own) for own in now}
    for own in before:
        if meaning.get(own.code) != _meaning(own):
            what = "is no longer in" if own.code not in meaning else "means something else in"
            raise UserError(
                f"The kind {own.name} with code {own.code} {what} {file}, and what is stored has that code.",
                "Put its block back as it was; a new kind comes behind the last one.",
            )
    if now != before:
        write_whole(kept, msgspec.json.format(msgspec.json.encode(now)).decode())


def _meaning(own: OwnKind) -> tuple[object, ...]:
    """All but what is for people."""
    return own.name, own.shape, own.record_class, own.ends
