"""Who is told what: notices, their delivery, watchers (SPEC 7)."""
