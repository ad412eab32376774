"""What franking is reached by over the network."""
