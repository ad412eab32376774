"""The commands, run as real processes against real servers and files."""
