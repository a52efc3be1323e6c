"""Pure rules: facts and `now` go in, frozen plans come out. No I/O, no clock, no settings."""
