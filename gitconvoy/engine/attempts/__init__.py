"""The life of an attempt on this machine: place, start, supervisor, end, and what is left of it (SPEC 7)."""
