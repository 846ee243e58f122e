"""Frozen values of both planes; no git, no disk, no clock (SPEC 1-3)."""
