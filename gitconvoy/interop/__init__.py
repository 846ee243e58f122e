"""Interchange with beads (`bd`, `br`): JSON lines in, plan files out, and back (SPEC 10). Pure: no git, no disk."""
