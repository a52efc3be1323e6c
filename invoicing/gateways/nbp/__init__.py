"""Exchange rates: a file that somebody keeps, and the public API of the National Bank of Poland."""
