"""What a check has to say: what was seen, what should be, why, what helps; and mending it (SPEC 8)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from gitconvoy.dataclass import dataclass
from gitconvoy.errors import ConvoyError

ERROR, WARNING, NOTE = "error", "warning", "note"
SEVERITIES = (ERROR, WARNING, NOTE)
"""The worst first. An error keeps gitconvoy from its work, a warning from some of it, a note is only good to know."""
Fix = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it should be."""

    check: str
    subject: str
    severity: str
    observed: str
    expected: str
    why: str
    commands: tuple[str, ...] = ()
    """What a person may run; `--fix` does by itself what loses nothing."""
    fix: Fix | None = None
    fixed: bool = False

    @property
    def key(self) -> tuple[str, str, str]:
        """What makes two findings the same one, seen twice."""
        return (self.check, self.subject, self.expected)

    @property
    def open(self) -> bool:
        """Whether somebody should do something about it."""
        return not self.fixed and self.severity != NOTE

    def as_dict(self) -> dict[str, object]:
        """The JSON shape."""
        names = ("check", "subject", "severity", "observed", "expected", "why", "fixed")
        row: dict[str, object] = {name: getattr(self, name) for name in names}
        return {**row, "commands": list(self.commands), "fixable": self.fix is not None}

    def mended(self) -> Finding:
        """The finding after its `fix` was run; with the reason in `observed` where that could not be done."""
        if self.fix is None:
            return self
        try:
            self.fix()
        except (ConvoyError, OSError) as error:
            return replace(self, observed=f"{self.observed}; it could not be mended: {error}")
        return replace(self, fixed=True)

    def unmended(self) -> Finding:
        """The finding whose `fix` was run, and that is still there."""
        return replace(self, observed=f"{self.observed}; what should mend it did not help", fixed=False)
