"""The cases of `bench/mail.py`, and the modules that they run in processes of their own."""
