"""``python -m ohmr_fem.cli``, as ``python -m ohmr_fem``."""

from .app import main

main()
