"""What people click: the wizard, runs, tenants, defaults and the audit trail."""
