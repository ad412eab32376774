"""Claiming, composing, transmitting and settling mails, and sweeping up after lost workers."""
