"""The words of Leaver: plain values that import nothing."""
