"""One ledger in many clones: `sync`, and what it makes of a ledger that went on in two of them (SPEC 7)."""
