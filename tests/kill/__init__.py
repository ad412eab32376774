"""Proofs of the promises: a real `franking serve` is killed, stopped and starved, then counted."""
