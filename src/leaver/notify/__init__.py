"""Telling others what happened: signed webhooks, mail and chat services, delivered from the store until they arrive."""
