"""The core: each decision by its tables, and the delivery through many orders of events."""
