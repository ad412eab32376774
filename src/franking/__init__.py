"""franking: an email service that never leaves anyone guessing."""

__version__ = "0.1.0"
