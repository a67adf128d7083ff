"""What a stranger installs: the wheel holds the rooms and nothing else, and its metadata says what
pyproject says.
"""

from __future__ import annotations

import email
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

import ohmr_fem

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
EXTRAS = PROJECT["project"]["optional-dependencies"]


#: The backend itself, in the folder it builds: no network, and no tool that is not pinned.
BUILD = "import sys; from setuptools import build_meta as b; getattr(b, sys.argv[1])(sys.argv[2])"


def built(kind, source, out):
    command = [sys.executable, "-c", BUILD, f"build_{kind}", str(out)]
    subprocess.run(command, cwd=source, check=True, capture_output=True, text=True, timeout=120)


@pytest.fixture(scope="module")
def sdist(tmp_path_factory):
    """Built from a copy, so that no earlier build in the checkout can get in."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("sdist")
    for path in ROOT.iterdir():
        if path.is_file() and not path.name.startswith(".git"):
            shutil.copy(path, source)
    for name in ("ohmr_fem", "tests", "validation", "examples", "meshes"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    built("sdist", source, out)
    (file,) = out.glob("*.tar.gz")
    return file


@pytest.fixture(scope="module")
def wheel(sdist, tmp_path_factory):
    """Built from the source distribution alone."""
    source, out = tmp_path_factory.mktemp("unpacked"), tmp_path_factory.mktemp("wheel")
    shutil.unpack_archive(sdist, source)  # before 3.11.4 tarfile knows no filter="data"
    (folder,) = source.iterdir()
    built("wheel", folder, out)
    (file,) = out.glob("*.whl")
    with zipfile.ZipFile(file) as archive:
        yield archive


def metadata(wheel):
    name = next(n for n in wheel.namelist() if n.endswith(".dist-info/METADATA"))
    return email.message_from_bytes(wheel.read(name))


def test_the_wheel_holds_the_rooms_and_nothing_else(wheel):
    held = {n for n in wheel.namelist() if ".dist-info/" not in n}
    files = {str(p.relative_to(ROOT)) for p in (ROOT / "ohmr_fem").rglob("*.py")}
    pieces = {
        str(p.relative_to(ROOT))
        for folder in ("templates", "pages")
        for p in (ROOT / "ohmr_fem" / folder).iterdir()
    }
    shared = {n for n in held if "/data/share/ohmr_fem/" in n}  # the examples and their meshes
    assert held - shared == files | pieces | {"ohmr_fem/py.typed"}
    names = {n.partition("/share/ohmr_fem/")[2] for n in shared}
    ours = {
        str(p.relative_to(ROOT))
        for pattern in ("examples/*.*", "examples/models/*.toml", "meshes/*.msh")
        for p in ROOT.glob(pattern)
    }
    assert names == ours
    licences = {n for n in wheel.namelist() if ".dist-info/" in n and "LICENSE" in n}
    assert len(licences) == 1


def test_the_source_distribution_holds_what_builds_and_tests_it(sdist):
    with tarfile.open(sdist) as archive:
        held = {name.partition("/")[2] for name in archive.getnames()}
    for folder in ("ohmr_fem", "tests", "validation", "examples", "meshes"):
        files = (p for p in (ROOT / folder).rglob("*") if p.is_file())
        ours = {str(p.relative_to(ROOT)) for p in files if "__pycache__" not in p.parts}
        assert ours <= held, sorted(ours - held)[:5]
    assert {"pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "CITATION.cff"} <= held
    assert not {name for name in held if name.endswith(".pyc") or name.startswith("results")}


def test_everything_is_an_extra():
    """`all` holds what has a wheel: with markers where a wheel is missing elsewhere."""
    named, *others = EXTRAS["all"]
    inside = set(named.partition("[")[2].rstrip("]").split(","))
    apart = {"solvers", "mumps", "dev", "docs", "compare", "all"}
    assert inside | apart == set(EXTRAS)
    assert not inside & apart
    solvers = [need.partition(";")[0] for need in others]
    assert solvers == EXTRAS["solvers"]


def test_the_version_comes_from_one_place(wheel):
    assert "version" not in PROJECT["project"]
    assert metadata(wheel)["Version"] == ohmr_fem.__version__


def test_the_extras_are_in_the_metadata(wheel):
    said = metadata(wheel)
    assert set(said.get_all("Provides-Extra")) == set(EXTRAS)
    for extra, needs in EXTRAS.items():
        found = [r for r in said.get_all("Requires-Dist") if f'extra == "{extra}"' in r]
        assert len(found) == len(needs), extra


def test_an_extra_that_is_named_in_an_error_exists():
    """``pip install 'ohmr-fem[...]'`` of a message must do what it says."""
    text = "\n".join(p.read_text(encoding="utf-8") for p in (ROOT / "ohmr_fem").rglob("*.py"))
    named = dict(re.findall(r'require_extra\(\s*"(\w+)",\s*"(\w+)"', text))
    brings = {"mumps": "python-mumps", "netgen": "netgen-mesher"}
    assert named
    for module, extra in named.items():
        wanted = brings.get(module, module)
        assert any(re.split("[<>=]", need)[0] == wanted for need in EXTRAS[extra]), module


def test_the_hashed_lists_hold_every_dependency_and_no_address():
    """The list for tests has every extra that has a wheel."""
    wheels = ["mesh", "netgen", "layout", "solvers", "view", "fit", "study", "dev"]
    core = PROJECT["project"]["dependencies"]
    for name, needs in (
        ("requirements.txt", core),
        ("requirements-dev.txt", core + [need for extra in wheels for need in EXTRAS[extra]]),
    ):
        text = (ROOT / name).read_text(encoding="utf-8")
        assert not re.search(r"\w://| @ |^-", text, flags=re.M)
        pinned = {p.lower() for p in re.findall(r"^([\w.-]+)==", text, flags=re.M)}
        wanted = {re.split("[<>=]", need)[0].lower() for need in needs}
        assert wanted <= pinned, wanted - pinned
        assert len(re.findall(r"^\S+==\S+ \\\n    --hash=sha256:", text, flags=re.M)) == len(pinned)
