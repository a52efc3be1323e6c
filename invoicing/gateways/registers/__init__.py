"""Public registers of VAT payers: VIES and the white list."""
