"""Documents that leave the house: drawn from stored facts, never from live data."""
