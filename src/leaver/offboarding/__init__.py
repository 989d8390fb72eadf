"""The desk: what we do with one offboarding."""
