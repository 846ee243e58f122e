"""Edits of documents and file sets of the plan plane; pure: the caller writes and commits (SPEC 3, 6, 8)."""
