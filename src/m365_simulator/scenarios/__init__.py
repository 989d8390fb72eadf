"""Small worlds to start from."""
