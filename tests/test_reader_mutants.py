"""500 damaged files: each is read, or refused in one line by the package's own error."""

import os

import pytest

from ohmr_fem.errors import OhmrError
from tests import reader_mutants

SEEDS = {reader: 20 if reader == "gds" else 80 for reader in reader_mutants.READERS}
NEEDS = {"gds": ("gdstk", "shapely"), "svg": ("svgelements",)}


@pytest.mark.parametrize("reader", SEEDS)
def test_damaged_files(tmp_path, reader):
    for module in NEEDS.get(reader, ()):
        pytest.importorskip(module)
    for seed in range(SEEDS[reader]):
        folder = tmp_path / str(seed)
        folder.mkdir()
        found = reader_mutants.verdict(seed, reader, folder)
        assert found in ("read", "refused"), f"seed {seed}: {found}"


@pytest.mark.skipif(
    "OHMR_FEM_MUTANTS" not in os.environ, reason="minutes; set OHMR_FEM_MUTANTS=5000"
)
def test_many_damaged_files_in_processes_of_their_own():
    assert reader_mutants.main(int(os.environ["OHMR_FEM_MUTANTS"])) == 0


CORPUS = sorted((reader_mutants.DATA / "mutants").iterdir())


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.name)
def test_files_that_once_failed(path):
    """Each gave an exception that was not the package's own."""
    reader = path.suffix[1:]
    for module in NEEDS.get(reader, ()):
        pytest.importorskip(module)
    _, read = reader_mutants.READERS[reader]
    with pytest.raises(OhmrError) as caught:
        read(path)
    assert str(caught.value).isprintable()
