"""Colleagues get what they need."""
