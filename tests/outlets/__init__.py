"""Outlets: what they tell, and what the answers mean."""
