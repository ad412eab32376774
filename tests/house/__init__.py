"""The house rules of the project that a test can check; each module holds the rules of one kind.

A rule is a function from the root of a source tree to what breaks it, so that it can be shown a
bad tree and be seen to fail.
"""
