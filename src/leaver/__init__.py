"""Leaver offboards Microsoft 365 users: it plans, does, proves and can undo what must happen when a person leaves."""

__version__ = "0.1.0"
