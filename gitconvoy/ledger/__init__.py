"""The ledger branch: records as YAML in its tree, events as its commits (SPEC 1, 7)."""
