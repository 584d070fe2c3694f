"""docs/settings.md is made from the settings classes, and has all of them."""

from __future__ import annotations

import pytest

from deploy import settings
from services.ingest.settings import IngestSettings
from services.retention.settings import RetentionSettings
from services.scorer.settings import ScorerSettings


def test_the_committed_page_is_what_the_classes_make() -> None:
    assert settings.main(["check"]) == 0, "run: python -m deploy.settings write"


@pytest.mark.parametrize("of", [IngestSettings, RetentionSettings, ScorerSettings])
def test_every_setting_is_there(of: type[ScorerSettings]) -> None:
    assert [name for name in of.model_fields if f"`GOODSTANDING_{name.upper()}`" not in settings.page()] == []


def test_a_stale_page_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(settings, "page", lambda: "another")
    assert settings.main(["check"]) == 1
    assert "python -m deploy.settings write" in capsys.readouterr().err
