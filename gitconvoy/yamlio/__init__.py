"""Bytes of plan files and ledger records to plain data and back: pure, strict, byte-stable (SPEC 3.1)."""
