"""The same work through other trackers that are installed, and through gitconvoy, in one run.

Each tool is used as its own documentation says; nothing of it is configured beyond what it asks for. A place is filled
by the tool's own import, or by files in its own format. `python -m benchmarks.peers` writes what it finds into
docs/performance.md.
"""
