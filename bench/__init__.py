"""The benches of franking: what `franking bench` runs, each measured against the machine's limit."""
