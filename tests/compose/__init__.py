"""Tests of compose, with the standard library as the oracle."""
