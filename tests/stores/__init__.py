"""What every store promises, and what SQLite adds to it."""
