"""Which messages of a file no topic takes, and what is said of them, as they would end the sending of all others."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from goodstanding.partner.rehearsal import validate
from goodstanding.partner.sending import sendable
from goodstanding.partner.verdicts import Line
from goodstanding.platform.fixed_settings import FixedSettings
from shared.partner_files import partner_names
from shared.settings import ROOT

NOW = datetime(2024, 3, 20, 12, tzinfo=UTC)
EXAMPLES = ROOT / "docs" / "examples" / "partners"
"""Some of them have many events in a message, of which ingest takes larger ones."""


@pytest.mark.parametrize("partner", partner_names(EXAMPLES))
def test_it_is_what_is_said_without_a_server(partner: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOODSTANDING_PARTNERS", str(EXAMPLES))
    small, large = Line(1, b"x" * 1_110_000, None), Line(2, b"x" * 1_115_000, None)
    taken, refused = sendable(partner, [small, large])
    assert list(taken) == [small]
    assert list(refused) == validate(partner, [large], FixedSettings.new(), NOW)
