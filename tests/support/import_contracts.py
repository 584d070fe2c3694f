"""A rule for import-linter, whose own rules name what is forbidden: this one names what is allowed."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import cast

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output
from importlinter.domain.helpers import module_expressions_to_modules
from importlinter.domain.imports import ModuleExpression

# What reads a clock, the environment or chance, or waits, has no place in code that is to give the same answer always.
_IMPURE = {
    "asyncio",
    "logging",
    "multiprocessing",
    "os",
    "random",
    "secrets",
    "socket",
    "subprocess",
    "threading",
    "time",
}
_PURE_STANDARD_LIBRARY = sys.stdlib_module_names - _IMPURE


class PureContract(Contract):
    """The packages import themselves, `may_import`, and of the standard library what depends on its arguments only."""

    type_name = "pure"

    packages = fields.SetField(subfield=fields.ModuleExpressionField())
    may_import = fields.SetField(subfield=fields.StringField())
    leaving_out = fields.SetField(subfield=fields.StringField(), required=False, default=set())
    """Packages below that are not held to this, and that the others may not import."""

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        # On an instance, a field is the value that was configured.
        expressions = cast(set[ModuleExpression], self.packages)
        packages = {module.name for module in module_expressions_to_modules(graph, expressions)}
        offences = [offence for package in packages for offence in self._offences(graph, package)]
        return ContractCheck(kept=not offences, metadata={"offences": sorted(offences)})

    def render_broken_contract(self, check: ContractCheck) -> None:
        for importer, imported, line in check.metadata["offences"]:
            output.print_error(f"{importer}:{line} imports {imported}")

    def _offences(self, graph: ImportGraph, package: str) -> Iterator[tuple[str, str, int]]:
        allowed = {package, *cast(set[str], self.may_import), *_PURE_STANDARD_LIBRARY}
        outside = cast(set[str], self.leaving_out)
        for importer in {package, *graph.find_descendants(package)}:
            if _is_below(importer, outside):
                continue
            for imported in graph.find_modules_directly_imported_by(importer):
                if not _is_below(imported, allowed) or _is_below(imported, outside):
                    for detail in graph.get_import_details(importer=importer, imported=imported):
                        yield importer, imported, detail["line_number"]


def _is_below(module: str, packages: Iterable[str]) -> bool:
    return any(f"{module}.".startswith(f"{package}.") for package in packages)
