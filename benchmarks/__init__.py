"""What gitconvoy costs, each figure as a ratio to a floor that is measured beside it in the same run.

`shapes` and `material` make plans, histories and ledgers of any size, the same for the same seed; `measuring` runs
processes and takes medians; `cases` holds one function for each row; `results` keeps figures as JSON, `report` and
`drawing` write them into docs/performance.md. `python -m benchmarks --help` tells the options.
"""
