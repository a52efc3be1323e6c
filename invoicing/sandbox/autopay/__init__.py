"""Stand-in for the Autopay online payment gateway."""
