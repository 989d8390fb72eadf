"""The work: one file for each thing that Leaver settles."""
