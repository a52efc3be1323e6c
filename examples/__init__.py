"""Sample documents, and the demonstration that runs them."""
