"""500 damaged files: each is read, or refused in one line by the package's own error."""

import os

import pytest

from tests import reader_mutants

#: Slow ones start a process, mesh or compute.
FEW = {"gds": 10, "device": 20, "store": 15, "npz": 30, "study": 30}
SEEDS = {reader: FEW.get(reader, 40) for reader in reader_mutants.READERS}
NEEDS = {
    "gds": ("gdstk", "shapely"),
    "svg": ("svgelements",),
    "device": ("shapely", "gmsh"),
    "store": ("xarray", "h5netcdf"),
}


def _needed(reader):
    for module in NEEDS.get(reader, ()):
        pytest.importorskip(module, exc_type=(ImportError, OSError))  # OSError: libGLU


@pytest.mark.parametrize("reader", SEEDS)
def test_damaged_files(tmp_path, reader):
    _needed(reader)
    for seed in range(SEEDS[reader]):
        folder = tmp_path / str(seed)
        folder.mkdir()
        found = reader_mutants.verdict(seed, reader, folder)
        assert found in ("read", "refused"), f"seed {seed}: {found}"


@pytest.mark.skipif(
    "OHMR_FEM_MUTANTS" not in os.environ, reason="minutes; set OHMR_FEM_MUTANTS=5000"
)
def test_many_damaged_files_in_processes_of_their_own():
    count = int(os.environ["OHMR_FEM_MUTANTS"])
    assert reader_mutants.main(count, list(reader_mutants.READERS)) == 0


CORPUS = sorted((reader_mutants.DATA / "mutants").iterdir())
#: What reads them is not always told by the ending.
OF_NAME = {".dat": "wannier"}
#: How a file is called for its reader, where that asks for it.
ENDINGS = {"tensor": ".toml"}


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.name)
def test_files_that_once_failed(path, tmp_path):
    """Each gave an exception that was not the package's own."""
    reader = OF_NAME.get(path.suffix, path.suffix[1:])
    _needed(reader)
    copy = tmp_path / f"{path.stem}{ENDINGS.get(reader, path.suffix)}"
    copy.write_bytes(path.read_bytes())
    assert reader_mutants.read(copy, reader) == "refused"
