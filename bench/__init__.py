"""What `franking bench` runs: franking measured against the limit of the machine."""
