"""Programs that people and machines run around Paidcase; nothing in the application imports them."""
