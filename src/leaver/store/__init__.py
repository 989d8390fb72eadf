"""Our memory: what must outlive the program."""
