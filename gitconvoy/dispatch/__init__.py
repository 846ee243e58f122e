"""How workers get their beads on this machine: dispatchers, leases, attempts' folders (SPEC 7)."""
