"""Timers end to end, by every way to them."""
