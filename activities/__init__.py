"""Activities: load facts, ask the domain for a plan, carry it out through a port, record it."""
