"""git hooks: `layout` finds them, `install` puts our block in, `status` proves it, `hook_impl` is what they do."""
