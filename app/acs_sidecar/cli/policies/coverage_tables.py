"""Coverage of test cases as tables (section 3.4)."""

from rich.console import Console
from rich.table import Table

from acs_sidecar.cli.output import cell
from acs_sidecar.spec.verdict import Decision
from acs_sidecar.trials.case_coverage import Coverage, line_ranges

__all__ = ["show_coverage"]


def show_coverage(console: Console, coverage: Coverage, manifest: str) -> None:
    """Print a table of points, and one of what each kind of policy counts."""
    table = Table("point", *Decision, box=None, pad_edge=False, title_justify="left")
    table.title = cell(f"{manifest}: decisions by point")
    for point in coverage.points:
        cells = [str(point.decisions.get(decision, "[dim]-[/]")) for decision in Decision]
        name = point.intervention_point
        table.add_row(name if point.decisions else f"[red]{name} (no case)[/]", *cells)
    console.print(table)
    if coverage.rego:
        table = _table("module", "lines", f"{manifest}: lines of Rego")
        for module in coverage.rego:
            _add_row(table, module.module, module.lines, len(module.missed), line_ranges(module.missed))
        console.print(table)
    if coverage.rules:
        table = _table("document", "rules", f"{manifest}: rules")
        for found in coverage.rules:
            _add_row(table, found.document, found.rules, len(found.missed), ", ".join(found.missed))
        console.print(table)


def _table(what: str, counted: str, title: str) -> Table:
    table = Table(what, counted, "reached", "not reached", box=None, pad_edge=False)
    table.title, table.title_justify = cell(title), "left"
    return table


def _add_row(table: Table, name: str, total: int, missed: int, listed: str) -> None:
    share, style = 100 * (total - missed) // total, "red" if missed else "green"
    table.add_row(cell(name), str(total), f"[{style}]{share} %[/]", cell(listed))
