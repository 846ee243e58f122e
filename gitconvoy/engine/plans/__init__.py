"""From edits of the plan to commits, and what is wrong with a plan: the engine's side of planning (SPEC 6, 8)."""
