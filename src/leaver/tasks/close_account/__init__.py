"""What is paid for or kept is given back."""
