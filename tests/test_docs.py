"""Every page of the documentation with code in it runs as it stands: tutorials, gallery,
validation.
"""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from ohmr_fem.errors import MissingExtraError

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = sorted(p for p in DOCS.rglob("*.md") if not {"_build", "paper"} & set(p.parts))
EXECUTED = [p for p in PAGES if "```{code-cell}" in p.read_text(encoding="utf-8")]
#: Extras that a tutorial needs.
NEEDS = {"fit": "lmfit", "from-dat-to-alpha": "lmfit", "spin-or-orbital": "lmfit"}


@pytest.mark.parametrize("page", EXECUTED, ids=lambda p: str(p.relative_to(DOCS)))
def test_page_runs(page, monkeypatch, tmp_path):
    import matplotlib.pyplot as plt

    if page.stem in NEEDS:
        pytest.importorskip(NEEDS[page.stem], reason=f"this tutorial needs {NEEDS[page.stem]}")
    plt.switch_backend("Agg")
    monkeypatch.chdir(ROOT)
    cells = re.findall(
        r"```\{code-cell\}[^\n]*\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.S
    )
    assert cells
    names: dict[str, object] = {}
    for cell in cells:
        code = "\n".join(line for line in cell.splitlines() if not line.startswith((":", "%", "!")))
        try:
            exec(compile(code, str(page), "exec"), names)
        except MissingExtraError as missing:
            pytest.skip(str(missing))
    plt.close("all")


def test_every_page_is_in_a_toctree():
    named = {
        str((page.parent / entry.strip()).resolve()) + ".md"
        for page in PAGES
        for block in re.findall(
            r"```\{toctree\}\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.S
        )
        for entry in block.splitlines()
        if entry.strip() and not entry.startswith(":")
    }
    pages = {str(p.resolve()) for p in PAGES} - {str(DOCS / "index.md")}
    assert pages == named


def test_links_between_pages_lead_somewhere():
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#\s]+\.md)[^)]*\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_tutorials_are_executed():
    assert {p for p in PAGES if p.parent.name == "tutorials"} <= set(EXECUTED)


def test_pictures_are_shown():
    """The figures of ``of.plot_*`` belong to no window: a cell shows them by ending in
    ``.figure``.
    """
    for page in EXECUTED:
        for cell in re.findall(
            r"```\{code-cell\}[^\n]*\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.S
        ):
            last = cell.strip().splitlines()[-1]
            assert not (last.startswith("of.plot_") and "ax=" not in last) or last.endswith(
                ".figure"
            ), f"{page.name}: {last}"


def test_every_public_function_is_called_somewhere():
    """In a page, an example or the README; the reference alone is no example."""
    import ohmr_fem as of

    read = [p for p in PAGES if p.name != "reference.md"] + [ROOT / "README.md"]
    read += sorted((ROOT / "examples").glob("*.py"))
    text = "\n".join(p.read_text(encoding="utf-8") for p in read)
    functions = [name for name in of.__all__ if inspect.isfunction(getattr(of, name))]
    assert len(functions) > 60
    assert [name for name in functions if not re.search(rf"\b{name}\(", text)] == []


def test_the_reference_names_everything_public():
    """Modules of names (of.micro, of.geometry, ...) have sections of their own."""
    import ohmr_fem as of

    text = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    names = set(of.__all__) - set(of._ROOMS)
    assert {n for n in names if not re.search(rf":: ohmr_fem\.{n}\b", text)} == set()
    for room in ("geometry", "micro", "presets"):
        assert f"ohmr_fem.{room}" in text or f"of.{room}" in text
