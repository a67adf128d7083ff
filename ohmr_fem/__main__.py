"""``python -m ohmr_fem``: the same as the command ``ohmr-fem``."""

from .cli import main

if __name__ == "__main__":
    main()
