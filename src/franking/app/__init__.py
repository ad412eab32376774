"""Puts the parts together: with `cli` the only place that names a concrete store or transport."""
