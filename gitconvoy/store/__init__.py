"""The plan plane as it stands in a commit, in the index, or in the worktree (SPEC 1, 3)."""
