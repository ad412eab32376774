"""Accounts, whole: set over HTTP, kept in a store, sent through to real servers with logins."""
