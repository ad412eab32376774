"""The SMTP client against tables, scripted servers and real ones."""
