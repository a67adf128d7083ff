"""The files of a release say what the package says."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest

import ohmr_fem

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PYTHONS = {
    c.rsplit(" ", 1)[1] for c in PROJECT["classifiers"] if re.search(r"Python :: 3\.\d+$", c)
}
PAPER = (ROOT / "docs/paper/paper.md").read_text(encoding="utf-8")
BIBLIOGRAPHY = (ROOT / "docs/paper/paper.bib").read_text(encoding="utf-8")


def parsed(path: Path):
    yaml = pytest.importorskip("yaml", reason="reading the workflow needs PyYAML")
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def test_the_workflow_tests_the_pythons_of_the_classifiers():
    jobs = parsed(ROOT / ".github/workflows/ci.yml")["jobs"]
    for name in ("tests", "wheel-installs"):
        matrix = jobs[name]["strategy"]["matrix"]
        assert set(matrix["python"]) == PYTHONS
        assert {system.split("-")[0] for system in matrix["os"]} == {"ubuntu", "macos", "windows"}
    assert {needed for job in jobs.values() if (needed := job.get("needs"))} <= set(jobs)


def test_the_workflow_installs_extras_that_exist():
    text = (ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8")
    named = {e for group in re.findall(r"\.\[([a-z,]+)\]", text) for e in group.split(",")}
    assert named
    assert named <= set(PROJECT["optional-dependencies"])


def test_the_issue_forms_have_what_a_form_needs():
    forms = set((ROOT / ".github/ISSUE_TEMPLATE").glob("*.yml"))
    forms = {form for form in forms if form.stem != "config"}
    assert forms
    for form in forms:
        content = parsed(form)
        assert {"name", "description", "body"} <= set(content)
        ids = [field["id"] for field in content["body"]]
        assert len(ids) == len(set(ids))


def test_citation_and_archive_agree_with_the_package():
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {ohmr_fem.__version__}\n" in citation
    archive = json.loads((ROOT / ".zenodo.json").read_text(encoding="utf-8"))
    assert f'title: "{archive["title"]}"' in citation
    assert archive["license"] == PROJECT["license"]
    assert archive["creators"] == PROJECT["authors"]


def test_the_paper_cites_what_its_bibliography_holds():
    cited = set(re.findall(r"@(\w+)", PAPER))
    held = set(re.findall(r"^@\w+\{(\w+),", BIBLIOGRAPHY, flags=re.M))
    assert cited == held
    entries = re.split(r"^@", BIBLIOGRAPHY, flags=re.M)[1:]
    assert all("doi = {10." in e for e in entries if e.startswith("article"))


def test_the_paper_has_the_length_that_the_journal_asks_for():
    body = re.sub(r"```.*?```", "", PAPER.split("---", 2)[2], flags=re.S)
    assert 750 <= len(body.split()) <= 1100


def test_the_paper_has_the_sections_that_the_journal_asks_for():
    asked = ("Summary", "Statement of need", "State of the field", "Software design")
    asked += ("Research impact statement", "AI usage disclosure", "Acknowledgements", "References")
    assert [name for name in asked if f"\n# {name}\n" not in PAPER] == []


def test_systems_beside_the_classifiers_are_only_tried():
    systems = [c for c in PROJECT["classifiers"] if c.startswith("Operating System")]
    assert systems == ["Operating System :: POSIX :: Linux"]
    jobs = parsed(ROOT / ".github/workflows/ci.yml")["jobs"]
    tried = "${{ matrix.os != 'ubuntu-latest' }}"
    assert all(jobs[name]["continue-on-error"] == tried for name in ("tests", "wheel-installs"))


def test_the_figures_of_the_paper_are_there():
    for target in re.findall(r"\]\(([^)]+\.png)\)", PAPER):
        assert (ROOT / "docs/paper" / target).is_file()
