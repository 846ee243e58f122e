"""What a change of the plan means: states -> one plain value, and that as Markdown. Pure (SPEC 6, 8 `diff`)."""
