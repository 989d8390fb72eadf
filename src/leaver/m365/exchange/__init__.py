"""Exchange Online: one file a resource, each method one cmdlet."""
