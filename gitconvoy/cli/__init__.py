"""The command line: parse, call one function with plain arguments, render its result (SPEC 8)."""
