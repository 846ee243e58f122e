"""Replaying a ledger from its root: is every commit one that the rules and the event table allow? (SPEC 1, 7)

`walk` turns commits into steps and looks at their form; `judge` asks the rules about each step, with the part of the
plan that matters for it (`surroundings`); `run` reports.
"""
