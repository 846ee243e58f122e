"""Merging plan files by meaning: `policy` says how, `fields` merges values, `layout` writes them, `driver` asks."""
