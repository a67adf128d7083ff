"""The three standard streams, of which any may be closed where the command starts."""

from __future__ import annotations

import contextlib
import os
import sys


def occupy() -> None:
    """A closed stream leads nowhere, for files that are opened later would take its number and
    what libraries print.

    What would go to standard error goes among the results: NumPy below 2.1 needs a standard error
    to be imported.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            with contextlib.suppress(OSError):
                os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
    if sys.stderr is None:
        sys.stderr = sys.stdout or open(os.devnull, "w")  # noqa: SIM115
