"""Stand-in for a mail server, with a mailbox that people and programs can read."""
