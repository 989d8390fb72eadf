"""Who may do what: roles, API tokens, the local administrator and sessions."""
