"""The policy files: where each lies, and the one way to read one, for the services and for the command line.

card = load_policy(policies / SCORECARD, Scorecard)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Protocol, TypeVar

from shared.contracts.kinds import extend
from shared.contracts.own_kinds import OwnKinds
from shared.contracts.policy_parts import PolicyFault
from shared.toml_file import ConfigError, error_at, first_of, load

SCORECARD = "scorecard.toml"
TIERS = "benefits.toml"
RATES = "rates.csv"
OWN_KINDS = "kinds.toml"
"""Below the directory of the policies."""


def scorecard_files(policies: Path) -> list[Path]:
    """The files of the scorecards of a deployment, each with its date: `scorecard.toml` and `scorecard-*.toml`."""
    return [policies / SCORECARD, *sorted(policies.glob("scorecard-*.toml"))]


def tier_files(policies: Path) -> list[Path]:
    """The files of the tier tables of a deployment: `benefits.toml`, and `benefits-*.toml`, each with its date."""
    return [policies / TIERS, *sorted(policies.glob("benefits-*.toml"))]


def profile_file(policies: Path, name: str) -> Path:
    """The file of a retention profile."""
    return policies / "retention" / f"{name}.toml"


def load_kinds(policies: Path) -> None:
    """Add the deployment's own kinds to the taxonomy, if it has any. Raises ConfigError."""
    file = policies / OWN_KINDS
    if not file.exists():
        return
    own = load_policy(file, OwnKinds).own_kinds
    try:
        extend(each.kind() for each in own)
    except ValueError as error:
        raise error_at(file, (), str(error)) from None


class Policy(Protocol):
    def faults(self) -> Iterable[PolicyFault]:
        """All that its types cannot say. A policy with any fault must not be used."""
        ...


P = TypeVar("P", bound=Policy)


def load_policy(file: Path, type: type[P]) -> P:
    """The policy in a file, without faults. Raises ConfigError with file, line, key and what to do: of the first fault,
    with the others in `others`, those of its types and of its rules together."""
    try:
        policy = load(file, type)
    except ConfigError as error:
        raise first_of([*error.all, *(error_at(file, *fault) for fault in _certain(error))]) from None
    if faults := [error_at(file, *fault) for fault in policy.faults()]:
        raise first_of(faults)
    return policy


def _certain(error: ConfigError) -> Sequence[PolicyFault]:
    """What the rules of a policy have against a file, whatever is meant by the values that are of a wrong type."""
    if error.meant is None:
        return ()
    guesses = error.meant.guesses()
    first = [fault for guess in islice(guesses, 1) for fault in guess.faults()]
    certain = _common([fault for fault in first if not error.meant.is_guessed(fault.key)], guesses)
    # What is looked for by a name may be a part whose name is wrong.
    return _common(certain, error.meant.named(error.meant.names_at(fault.key for fault in certain)))


def _common(faults: Sequence[PolicyFault], guesses: Iterator[Policy]) -> Sequence[PolicyFault]:
    """Those of the faults that all these policies have, too."""
    while faults and (guess := next(guesses, None)):
        others = set(guess.faults())
        faults = [fault for fault in faults if fault in others]
    return faults
