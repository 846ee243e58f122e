"""Leases are fenced: whoever holds one on never takes a later attempt's away (SPEC 7)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from gitconvoy.dispatch import leases
from gitconvoy.dispatch.leases import Lease

OLD, NEW = Lease("gt-a", "old", 10), Lease("gt-a", "new", 20)


def test_only_the_own_lease_is_renewed(tmp_path: Path) -> None:
    assert leases.renew(tmp_path, OLD)
    assert leases.renew(tmp_path, replace(OLD, expires=15))
    assert leases.read_all(tmp_path) == {"gt-a": replace(OLD, expires=15)}
    leases.write(tmp_path, NEW)
    assert not leases.renew(tmp_path, OLD)
    assert leases.read_all(tmp_path) == {"gt-a": NEW}


def test_a_lost_lease_is_made_anew(tmp_path: Path) -> None:
    leases.write(tmp_path, OLD)
    (leases.folder(tmp_path) / "gt-a").write_text("damaged")
    assert leases.renew(tmp_path, NEW)
    assert leases.read_all(tmp_path) == {"gt-a": NEW}


def test_only_the_own_lease_is_dropped(tmp_path: Path) -> None:
    leases.drop(tmp_path, "gt-a", "old")
    assert not leases.folder(tmp_path).exists()
    leases.write(tmp_path, NEW)
    leases.drop(tmp_path, "gt-a", "old")
    assert leases.read_all(tmp_path) == {"gt-a": NEW}
    leases.drop(tmp_path, "gt-a", "new")
    assert leases.read_all(tmp_path) == {}
