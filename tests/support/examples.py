"""The examples of the documentation, as modules: what readers copy is what the tests run."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

from shared.settings import ROOT


def path(name: str) -> Path:
    return ROOT / "docs" / "examples" / f"{name}.py"


def example(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path(name))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
