"""The command line: words and options in ``app``, and by topic what the commands do and say."""

from .app import main

__all__ = ["main"]
