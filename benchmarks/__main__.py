"""`python -m benchmarks`: measure, keep the figures as JSON, write docs/performance.md."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from benchmarks import results
from benchmarks.cases import CASES, Bench, Case, real_history
from benchmarks.measuring import WrongAnswer
from benchmarks.report import write


def main() -> int:
    """Run what is asked for; 1 where a command answered wrongly."""
    options = _options()
    chosen = [case for case in CASES if not options.only or case.name in options.only.split(",")]
    if options.report:
        write(results.read(options.results))
        return 0
    wrong = 0
    sizes = {int(size) for size in options.sizes.split(",")} if options.sizes else None
    for size in sorted({size for case in chosen for size in _sizes(case, options.quick, sizes)}):
        with tempfile.TemporaryDirectory(prefix="gitconvoy-bench-", dir=options.folder) as folder:
            bench = Bench(Path(folder), 1 if options.quick else options.rounds)
            for case in chosen:
                if size in _sizes(case, options.quick, sizes):
                    wrong += _one(bench, case, size, options)
    if not options.quick:
        write(results.read(options.results))
    return min(wrong, 1)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="look at the answers alone, at small sizes")
    parser.add_argument("--sizes", help="only these, such as 100,1000")
    parser.add_argument("--only", help=f"only these rows, of {', '.join(case.name for case in CASES)}")
    parser.add_argument("--rounds", type=int, default=7, help="how often each thing is measured")
    parser.add_argument("--again", action="store_true", help="measure what the results hold already, too")
    parser.add_argument("--results", type=Path, default=results.FILE, help="the JSON file of figures")
    parser.add_argument("--report", action="store_true", help="write docs/performance.md from the results, no more")
    parser.add_argument("--folder", help="where towns are built (the temporary folder)")
    return parser.parse_args()


def _sizes(case: Case, quick: bool, wanted: set[int] | None) -> tuple[int, ...]:
    if quick:
        return (case.quick,) if case.quick else ()
    if case.name == "import-real" and not real_history().exists():
        return ()
    return tuple(size for size in case.sizes if wanted is None or size in wanted)


def _one(bench: Bench, case: Case, size: int, options: argparse.Namespace) -> int:
    """Measure one row at one size, and keep it at once: a run may be stopped and taken up again. 1 if it is wrong."""
    if not options.quick and not options.again and results.has(options.results, case.name, size):
        return 0
    load = results.load()
    try:
        row = case.measure(bench, size).row()
    except WrongAnswer as error:
        print(f"{case.name} at {size}: WRONG ANSWER: {error}", file=sys.stderr, flush=True)
        return 1
    print(f"{case.name:<16}{size:>8} {case.unit:<8} {results.brief(row)}", flush=True)
    if not options.quick:
        results.keep(options.results, case.name, size, {**row, "load": max(load, results.load())})
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
