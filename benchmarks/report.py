"""The figures as a table and pictures in docs/performance.md, between its markers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.cases import CASES, Case
from benchmarks.drawing import Line, chart

DOCS = Path(__file__).parents[1] / "docs"
BEGIN, END = "<!-- figures: written by `make bench` -->", "<!-- end of figures -->"
READS = ("ready", "status", "why", "list", "commit-closing")
WHOLE = ("load", "import", "audit", "stage")


def write(found: dict[str, Any]) -> None:
    """Put the figures into the page and draw its pictures."""
    page = DOCS / "performance.md"
    text = page.read_text()
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    page.write_text(f"{head}{BEGIN}\n\n{_figures(found)}\n{END}{tail}")
    for name, title, rows in (
        ("performance-warm", "One command, warm: floors of `import pygit2` (processor time)", READS),
        ("performance-whole", "Going through everything: times its floor (processor time)", WHOLE),
    ):
        lines = [Line(case, points) for case in rows if (points := _points(found, case))]
        (DOCS / f"{name}.svg").write_text(chart(title, "beads, records or commits", lines))


def _points(found: dict[str, Any], case: str) -> list[tuple[float, float]]:
    rows = found["rows"].get(case, {})
    points = [(float(size), row["cpu"]["ratio"]) for size, row in rows.items() if row["cpu"]["ratio"]]
    return sorted(points)


def _figures(found: dict[str, Any]) -> str:
    machine = found.get("machine", {})
    about = ", ".join(f"{name} {value}" for name, value in machine.items() if name != "cores")
    loads = [row["load"] for rows in found["rows"].values() for row in rows.values()]
    lines = [f"{machine.get('cores', '?')} cores, {about}.", ""]
    if loads and max(loads) > machine.get("cores", 1):
        lines += [
            f"**The machine was busy with other work**: up to {max(loads):.0f} processes wanted a core.",
            "Wall times and rates are worse than they would be alone; ratios of processor time hold.",
            "",
        ]
    lines += [
        "| what | floor | target | size | ms | floor ms | ratio | ratio of processor time | peak MiB | |",
        "|---|---|---|--:|--:|--:|--:|--:|--:|---|",
    ]
    for case in CASES:
        rows = found["rows"].get(case.name, {})
        if case.name != "memory":
            lines += [_row(case, int(size), rows[size]) for size in sorted(rows, key=int)]
    return "\n".join([*lines, "", *_memory(found)])


def _row(case: Case, size: int, row: dict[str, Any]) -> str:
    wall, cpu = row["wall"], row["cpu"]
    more = ", ".join(f"{name.replace('_', ' ')} {_short(value)}" for name, value in row["more"].items())
    cells = [case.what, case.floor, case.target, f"{size:,} {case.unit}", _short(wall["ms"]), _short(wall["floor_ms"]),
             _short(wall["ratio"]), _short(cpu["ratio"]), _short(row["peak_mib"] or None), more]  # fmt: skip
    return f"| {' | '.join(cells)} |"


def _memory(found: dict[str, Any]) -> list[str]:
    rows = found["rows"].get("memory", {})
    if not rows:
        return []
    sizes = sorted(rows, key=int)
    names = list(dict.fromkeys(name for size in sizes for name in rows[size]["more"]))
    lines = [
        "Peak memory in MiB of a command, in a town with a plan and a ledger (target: 600):",
        "",
        f"| command | {' | '.join(f'{int(size):,} ledger commits' for size in sizes)} |",
        f"|---|{'--:|' * len(sizes)}",
    ]
    for name in names:
        cells = [_short(rows[size]["more"].get(name)) for size in sizes]
        lines.append(f"| `{name.removeprefix('mib: ')}` | {' | '.join(cells)} |")
    return lines


def _short(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
