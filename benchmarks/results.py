"""Figures as JSON: one row for each case and size, and the machine that they were taken on."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

FILE = Path(__file__).parent / "results.json"


def read(file: Path) -> dict[str, Any]:
    """All that is kept; empty where nothing is."""
    found: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {"rows": {}}
    return found


def has(file: Path, case: str, size: int) -> bool:
    """Whether a row was measured at a size."""
    return str(size) in read(file)["rows"].get(case, {})


def keep(file: Path, case: str, size: int, row: dict[str, Any]) -> None:
    """Keep a row, at once."""
    found = read(file)
    found["machine"] = machine()
    found["rows"].setdefault(case, {})[str(size)] = _rounded(row)
    file.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(each) for key, each in value.items()}
    return float(f"{value:.4g}") if isinstance(value, float) else value


def machine() -> dict[str, Any]:
    """What the figures depend on beside gitconvoy."""
    git = subprocess.run(["git", "--version"], capture_output=True, text=True, check=True).stdout.split()[2]
    packages = {name: version(name) for name in ("gitconvoy", "pygit2", "PyYAML", "ruamel.yaml")}
    return {"cores": os.cpu_count(), "python": platform.python_version(), "git": git, **packages}


def load() -> float:
    """How many processes wanted a core in the last minute."""
    return os.getloadavg()[0]


def brief(row: dict[str, Any]) -> str:
    """A row on one line for people."""
    wall, cpu = row["wall"], row["cpu"]
    parts = [f"{wall['ms']:9.1f} ms", f"cpu {cpu['ms']:9.1f} ms"]
    for name, cost in (("x", wall), ("x cpu", cpu)):
        if cost["ratio"] is not None:
            parts.append(f"{cost['ratio']:6.2f} {name}")
    parts.append(f"{row['peak_mib']:6.0f} MiB")
    more = [f"{name} {value:.1f}" for name, value in row["more"].items() if not name.startswith("mib: ")]
    return "  ".join(parts + more)
