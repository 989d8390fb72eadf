"""Microsoft, in our words."""
