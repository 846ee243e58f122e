"""`doctor`: what is not as it should be on this machine, and what mends it (SPEC 8)."""
