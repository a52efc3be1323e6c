"""What others call to tell us something."""
