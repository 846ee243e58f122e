"""State + time -> decisions, and what follows from them: react, requests, due times (SPEC 7)."""
