"""Partners' files as the tools read them: a file that ingest would not take is a sentence, whatever is asked of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from goodstanding.partner import mapping_files
from goodstanding.partner.mapping_files import sound_mapping_of
from goodstanding.platform.fixed_settings import FixedSettings
from shared.settings import ROOT
from shared.toml_file import ConfigError

# The shipped file in which a value is exchanged for another, and a part of the sentence.
FAULTY = [
    ("hotel", '"Asia/Shanghai"', '"PRC"', "write Asia/Shanghai"),
    ("hotel", '"Asia/Shanghai"', '"Mars"', "no such time zone"),
    ("shop", '"CNY"', '"RMB"', "ISO 4217"),
    ("shop", '"CNY"', '"UYI"', "ISO 4217"),
    ("shop", '"shop.purchase"', '"shop.theft"', "no such kind"),
]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GOODSTANDING_POLICIES", str(tmp_path / "policies"))
    monkeypatch.setenv("GOODSTANDING_PARTNERS", str(tmp_path / "partners"))
    (tmp_path / "policies").symlink_to(ROOT / "policies")
    (tmp_path / "partners").mkdir()
    return tmp_path


@pytest.mark.parametrize(("partner", "old", "new", "sentence"), FAULTY)
def test_examples_of_a_faulty_mapping_are_refused(root: Path, partner: str, old: str, new: str, sentence: str) -> None:
    text = (ROOT / "partners" / f"{partner}.toml").read_text()
    (root / "partners" / f"{partner}.toml").write_text(text.replace(old, new))
    with pytest.raises(ConfigError, match=sentence):
        sound_mapping_of(partner, FixedSettings.new())


def test_examples_of_a_sound_one_can_be_made(root: Path) -> None:
    text = (ROOT / "partners" / "shop.toml").read_text()
    (root / "partners" / "shop.toml").write_text(text)
    assert sound_mapping_of("shop", FixedSettings.new()) == mapping_files.mapping_of("shop")
