"""Puts the parts together: with `cli` the only place that names a concrete store or transport."""


class Stopped(Exception):
    """The service ended by itself, which it should not; the text tells why."""
