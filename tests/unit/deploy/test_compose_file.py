"""What the compose file says that no container has to run for to be wrong."""

from __future__ import annotations

import yaml

from shared.contracts.identity import normalize
from shared.settings import ROOT

COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())


def test_the_demos_link_is_for_somebody_whom_the_partners_tell_of() -> None:
    """A link for a wrong account would keep the whole demo from starting."""
    command, *_, account = COMPOSE["services"]["link"]["command"][:3]
    assert command == "person"
    assert normalize("account", account) == account
