"""Draw the figures of the paper: ``python -m validation.figures [--out docs/images]``.

Figures 2 and 3 and the size effect of Mn, lines and dots by two routes as in their cases, and
``paper_figures.txt``, which shows them with captions that say which inputs are our choice. Figure 1
is a drawing without numbers.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from . import figure2, manganese, micro_figure3

PAGES = (
    ("Figure 2: the strip", figure2),
    ("Figure 3: bilayer graphene", micro_figure3),
    ("The size effect of Mn, as the discussion describes it", manganese),
)


def draw_all(folder: Path) -> Path:
    """The vector figures and the page that shows them; returns the page."""
    folder.mkdir(parents=True, exist_ok=True)
    parts = ["<!-- written by python -m validation.figures -->"]
    for title, case in PAGES:
        for drawing in case.draw(folder):
            file = drawing.path.rename(folder / f"paper_{drawing.path.name}")
            parts += [f"## {title}", f"![{title}]({file.name})", drawing.caption]
    page = folder / "paper_figures.txt"
    page.write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    return page


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m validation.figures", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("docs/images"), help="folder")
    print(draw_all(parser.parse_args(arguments).out))
    return 0


if __name__ == "__main__":
    sys.exit(main())
