"""Reproducible measurements against the simulator."""
