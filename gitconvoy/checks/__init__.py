"""All invariants of plans and of changes between them -> problems; pure (SPEC 3.3, 5, 6)."""
