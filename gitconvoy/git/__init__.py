"""The git layer: the only code that imports pygit2 or starts git, and it knows nothing of convoys.

`env` and `run` start git with a clean environment; `repo` opens a repository as git would; `read` and `write` are
objects, refs and index; `personal` makes commits in the person's name on the branch that is checked out.
"""
