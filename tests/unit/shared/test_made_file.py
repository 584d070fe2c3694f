"""A committed file is what the code makes, or the check says which command makes it so."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.made_file import keep


def test_it_is_written_and_then_right_until_the_code_says_something_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "page.md"
    assert keep("a.module", file, "one", ["check"]) == 1
    assert capsys.readouterr().err == "page.md: not what the code makes: run `python -m a.module write`\n"
    assert [keep("a.module", file, "one", [word]) for word in ("write", "check")] == [0, 0]
    assert file.read_text() == "one"
    assert keep("a.module", file, "another", ["check"]) == 1
    assert file.read_text() == "one"
