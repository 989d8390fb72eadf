"""Microsoft Graph."""
