"""What the command line prints: results, lines to the user, and an object for scripts."""

from __future__ import annotations

import contextlib
import json
import sys
from typing import Any

from ..errors import cut, shown, visible

#: What the user said of the output, before the command.
SPEECH = {"quiet": False, "json": False}


def say(text: str) -> None:
    """One line to the user; where standard error is closed, among the results."""
    with contextlib.suppress(OSError):
        print(cut(shown(text)), file=sys.stderr or sys.stdout)


def tell(*lines: str) -> None:
    """Lines about results, unless the user wants none, or an object."""
    if not any(SPEECH.values()):
        show(*lines)


def show(*lines: str) -> None:
    """What was asked for, each on its line whatever names are in it."""
    for line in lines:
        print(visible(line))


def give(result: Any) -> None:
    """The object of a command, where the user wants one."""
    if SPEECH["json"]:
        print(json.dumps(result, indent=2, default=str))
