"""SharePoint: the OneDrive of a person."""
