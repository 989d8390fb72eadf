"""SharePoint."""
