"""The leaver can no longer get in."""
