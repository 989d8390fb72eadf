"""Microsoft Graph: one file a resource, each method one call."""
