"""Handing in: from `gitconvoy done` on a worker's branch to the event `submit`, and what follows from it (SPEC 7).

`done` is the command; `guards` and `verify` say no; `branch` looks at branches; `adopt` turns a note into the event;
`handover` pushes a branch and tells the configured program.
"""
