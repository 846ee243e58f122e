"""Convoys of work as YAML in git: waves at each commit, dispatch as commits."""

__version__ = "0.1.0"
