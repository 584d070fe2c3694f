"""What is strange about a mapping that nothing refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from goodstanding.partner.mapping_remarks import remarks
from services.ingest.loading import load_mapping
from shared.settings import ROOT

HEAD = 'format = "json"\nenvelope = "none"\n'
LISTED = """\
list = "events"
id = "{0}id"
time = "{0}at"
subject = "who"
kind = "{0}what"
[[events]]
kinds = {{ paid = "service.payment" }}
"""
SIGNED = """\
id = "id"
time = "at"
subject = "who"
kind = ["paidOn", {{ sign_of = "sum" }}]
skip = [{}]
[[events]]
kinds = {{ "*/plus" = "service.payment" }}
"""
ONE_PLACE = """\
id = "id"
time = "at"
subject = "who"
kind = "what"
[[events]]
kinds = {{ "{}" = "service.payment", "bill/paid" = "shop.purchase" }}
"""


UNPAID = """\
id = "id"
time = "at"
subject = "who"
kind = ["what", "paidOn"]
skip = [{}]
[[events]]
kinds = {{ "rate/*" = "service.payment", "fee/*" = "shop.purchase" }}
"""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (UNPAID.format('"*/"'), ["`*/` does not pass over an event that `rate/*`", "`*/` does not pass"]),
        (UNPAID.format('"*/", "rate/"'), ["`*/` does not pass over an event that `fee/*`"]),
        (UNPAID.format('"fee/", "rate/"'), []),
        (UNPAID.format('"*/x"'), []),
        (LISTED.format(""), ["No path begins with `events.`"]),
        (LISTED.format("events."), []),
        (SIGNED.format('"/*"'), []),
        (SIGNED.format('"*/*"'), []),
        (SIGNED.format('"*/minus"'), []),
        (ONE_PLACE.format("fee/paid"), ["Every code has a `/` in it"]),
        (ONE_PLACE.format("fee"), []),
    ],
)
def test_what_may_not_be_meant_is_told(tmp_path: Path, text: str, said: list[str]) -> None:
    path = tmp_path / "partner.toml"
    path.write_text(HEAD + text)
    found = list(remarks(load_mapping(path)))
    assert len(found) == len(said), found
    for sentence, begin in zip(found, said, strict=True):
        assert sentence.startswith(begin)


def test_the_shipped_mappings_have_nothing_strange() -> None:
    files = [*(ROOT / "partners").glob("*.toml"), *(ROOT / "docs/examples/partners").glob("*.toml")]
    assert {file.name: found for file in files if (found := list(remarks(load_mapping(file))))} == {}
