"""A mail document to bytes."""
