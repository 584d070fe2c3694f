"""The files that services read: a short name of each content, and copies that differ on purpose.

All are read at the start; ingest reads its partners' and the rates again when they change (decision 0037).
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from goodstanding.errors import UserError
from shared import policy_file
from shared.toml_file import content_name

_NONE = "no such file"
_HAVE_IT_READ = "To have services read what is there: goodstanding local down, then goodstanding local up."
_IS_BEING_READ = "It is read within seconds; if it has a fault, the one before it stays in force."
_CADENCE = re.compile(r'^cadence\s*=\s*"[a-z]+"', re.MULTILINE)


def names(service: str, policies: Path, partners: Path, profile: str) -> dict[str, str]:
    """The name of the content of each file that the service reads, by the file's path below its directory."""
    profile_file = policy_file.profile_file(policies, profile)
    match service:
        case "ingest":
            files = [*sorted(partners.glob("[!.]*.toml")), policies / policy_file.RATES, profile_file]
        case "scorer":
            files = policy_file.scorecard_files(policies)
        case "retention":
            files = [profile_file]
        case "portal":
            files = [*policy_file.scorecard_files(policies), *policy_file.tier_files(policies), profile_file]
        case _:
            files = policy_file.tier_files(policies)
    own_kinds = policies / policy_file.OWN_KINDS
    if service != "benefits" and own_kinds.exists():
        files.append(own_kinds)
    bases = {"partners": partners, "policies": policies}
    return {_below(file, bases): _content_name(file) for file in files}


def bears_on(file: str, partner: str) -> bool:
    """Whether a file, by its name below its directory, has a say in what becomes of the partner's events."""
    return not file.startswith("partners/") or file == f"partners/{partner}.toml"


def is_kept_up_with(service: str, file: str) -> bool:
    """Whether the running service reads a file, by its name below its directory, again when it changes."""
    return service == "ingest" and (file.startswith("partners/") or file == f"policies/{policy_file.RATES}")


def differences(service: str, read: Mapping[str, str], now: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Each file whose content is no longer what the service read, with a sentence about it."""
    for file in sorted(read.keys() | now.keys()):
        before, after = read.get(file, _NONE), now.get(file, _NONE)
        if before != after:
            remedy = _IS_BEING_READ if is_kept_up_with(service, file) else _HAVE_IT_READ
            if before == _NONE:
                told = f"{file} is new: {service} has not read it."
            elif after == _NONE:
                # Ingest keeps the mapping of a file that is gone (decision 0037).
                told, remedy = f"{file} has been removed since {service} read it.", _HAVE_IT_READ
            else:
                told = f"{file} has been edited since {service} read it ({before} then, {after} now)."
            yield file, f"{told} {remedy}"


def with_fault(edited: Sequence[str], fault: str, place: str = "") -> list[str]:
    """Sentences of `differences`, behind that of a fault for which no service would start again; nobody is sent to
    start services with it. `place` is the fault's, `<file>:<line>:`: what a service says of it already is enough."""
    told = [each.removesuffix(_HAVE_IT_READ).rstrip() for each in edited]
    if place and any(place in each for each in told):
        return told
    return [f"{fault} Services keep what they have read, and would not start again with this.", *told]


def write_copy(policies: Path, copy: Path, scorecard: Path | None) -> None:
    """Copy the policies; a scorecard that is named takes the place of theirs."""
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(policies, copy)
    if scorecard is not None:
        for file in copy.glob("scorecard*.toml"):
            file.unlink()
        shutil.copy(scorecard, copy / policy_file.SCORECARD)


def make_continuous(copy: Path) -> None:
    """Have the scorecards of a copy publish as soon as something changes. Raises UserError."""
    for card in policy_file.scorecard_files(copy):
        text, found = _CADENCE.subn('cadence = "continuous"', card.read_text(encoding="utf-8-sig"), count=1)
        if not found:
            raise UserError(f"The scorecard ({card}) has no line `cadence = ...` to take the place of.")
        card.write_text(text, encoding="utf-8")


def _below(file: Path, bases: Mapping[str, Path]) -> str:
    [named] = [f"{name}/{file.relative_to(base)}" for name, base in bases.items() if file.is_relative_to(base)]
    return named


def _content_name(file: Path) -> str:
    try:
        return content_name(file)
    except OSError:
        return _NONE
