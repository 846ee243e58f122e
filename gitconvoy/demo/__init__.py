"""The main job end to end in a temporary repository, with real git, real hooks and real worker processes."""
