"""Side-by-side figures: ours, its rival, the ratio, the bar. `python -m bench` runs them all, bounded in time."""
