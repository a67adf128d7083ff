"""The tutorials run as they stand."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TUTORIALS = [*sorted((ROOT / "docs" / "tutorials").glob("*.md")), ROOT / "docs" / "compact-model.md"]
#: Extras that a tutorial needs.
NEEDS = {"fit": "lmfit"}


@pytest.mark.parametrize("page", TUTORIALS, ids=lambda p: p.stem)
def test_tutorial_runs(page, monkeypatch, tmp_path):
    import matplotlib.pyplot as plt

    if page.stem in NEEDS:
        pytest.importorskip(NEEDS[page.stem], reason=f"this tutorial needs {NEEDS[page.stem]}")
    plt.switch_backend("Agg")
    monkeypatch.chdir(ROOT)
    cells = re.findall(r"```\{code-cell\}[^\n]*\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.S)
    assert cells
    names: dict[str, object] = {}
    for cell in cells:
        code = "\n".join(line for line in cell.splitlines() if not line.startswith((":", "%", "!")))
        exec(compile(code, str(page), "exec"), names)
    plt.close("all")
