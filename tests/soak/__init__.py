"""Long plays that try to break a town; `make faults` runs them in full, `make test` for a few seconds."""
