"""The seven events: told to webhooks and to those who listen."""
