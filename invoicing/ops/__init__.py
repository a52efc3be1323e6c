"""What engineers run on histories: export, replay, redo, and why a case waits. Used by the commands alone."""
