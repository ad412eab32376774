"""Cadence: the embedded package, its calls, and the outlet that tells it."""
