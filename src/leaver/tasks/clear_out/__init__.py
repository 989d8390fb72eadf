"""Nothing lingers where colleagues look."""
