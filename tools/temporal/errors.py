"""The one error of this room: its text is a whole sentence saying what is wrong and what to do.

It is not part of the tree in `invoicing/errors.py`, because these programs run before the
application's environment exists.
"""


class ProvisionError(Exception):
    """A Temporal program could not be got, configured or started."""
