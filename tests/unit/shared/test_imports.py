"""The garbage collector leaves alone what a process has imported, and goes on with all else."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from shared.imports import importing


@pytest.fixture
def _as_before() -> Iterator[None]:
    collected = gc.isenabled()
    yield
    (gc.enable if collected else gc.disable)()


@pytest.mark.usefixtures("_as_before")
@pytest.mark.parametrize("collects", [True, False])
def test_nothing_is_collected_meanwhile_and_what_was_made_is_left_alone_afterwards(collects: bool) -> None:
    (gc.enable if collects else gc.disable)()
    with importing():
        assert not gc.isenabled()
        made: list[object] = []
    assert gc.isenabled() is collects
    assert not any(each is made for each in gc.get_objects()), "it is frozen"


@pytest.mark.usefixtures("_as_before")
def test_after_an_import_that_has_failed_all_is_as_before() -> None:
    gc.enable()
    with pytest.raises(ModuleNotFoundError), importing():
        import nowhere_at_all  # type: ignore[import-not-found]  # noqa: F401  # that it is not there is what is tried
    assert gc.isenabled()
