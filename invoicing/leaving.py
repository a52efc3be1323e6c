"""The one way out of a command.

With the Temporal core loaded about one interpreter exit in twenty aborts after all work is done, when its threads meet
the finalising interpreter. A truthful exit code therefore flushes what was written and leaves without finalising.
"""

from __future__ import annotations

import logging
import os
import sys
from typing import NoReturn


def leave(code: int) -> NoReturn:
    """Flush logs and standard streams, then end the process with this code."""
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (BrokenPipeError, ValueError):
            code = code or 1
    os._exit(code)
