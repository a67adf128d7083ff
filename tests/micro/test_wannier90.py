"""Wannier90 files: round trips, a file written by hand, and files that are broken."""

import numpy as np
import pytest

from ohmr_fem.errors import InputError
from ohmr_fem.micro import bilayer_graphene, from_wannier90, multilayer_graphene, write_wannier90

MODEL = bilayer_graphene(3.16, 0.381, 0.38, 0.14, 0.022, 0.1)
K = np.random.default_rng(5).uniform(-1, 1, (6, 2))


@pytest.fixture()
def hr(tmp_path):
    path = tmp_path / "bilayer_hr.dat"
    write_wannier90(MODEL, path)
    return path


def test_round_trips(hr, tmp_path):
    tb = tmp_path / "bilayer_tb.dat"
    write_wannier90(MODEL, tb)
    for model in (from_wannier90(hr, MODEL.positions, MODEL.lattice), from_wannier90(tb)):
        assert model.layers.tolist() == [0, 0, 1, 1] and model.filling == 2
        for derivative in ("", "x", "yz", "zz"):
            assert np.abs(model.bloch(K, derivative) - MODEL.bloch(K, derivative)).max() < 1e-12


def test_centres_file(hr, tmp_path):
    xyz = tmp_path / "bilayer_centres.xyz"
    rows = [f"X  {x:.8f} {y:.8f} {z:.8f}" for x, y, z in MODEL.positions]
    xyz.write_text("\n".join(["5", "Wannier centres", *rows, "C 0.0 0.0 0.0"]) + "\n")
    lattice = np.diag([0.0, 0.0, 20.0])
    lattice[:2, :2] = MODEL.lattice
    model = from_wannier90(hr, xyz, lattice)
    assert np.abs(model.bloch(K, "zx") - MODEL.bloch(K, "zx")).max() < 1e-6


CHAIN = """two sites, one bond, t(R) counted twice at R = +-1
 2
 3
 2 1 2
 -1 0 0 1 1 0.0 0.0
 -1 0 0 2 1 0.4 -0.2
 -1 0 0 1 2 0.0 0.0
 -1 0 0 2 2 0.0 0.0
 0 0 0 1 1 0.1 0.0
 0 0 0 2 1 0.3 0.0
 0 0 0 1 2 0.3 0.0
 0 0 0 2 2 -0.1 0.0
 1 0 0 1 1 0.0 0.0
 1 0 0 2 1 0.0 0.0
 1 0 0 1 2 0.4 0.2
 1 0 0 2 2 0.0 0.0
"""
SITES = [[0, 0, 0], [1.0, 0, 3.0]]
CELL = [[4.0, 0.0], [0.0, 5.0]]


def chain(tmp_path, text=CHAIN, name="chain_hr.dat", centres=SITES, lattice=CELL, **options):
    path = tmp_path / name
    path.write_text(text)
    return from_wannier90(path, centres, lattice, **options)


def test_degeneracy_weights_and_index_order(tmp_path):
    """H_12(k) = <1,0|H|2,R> exp(i k.(R + r_2 - r_1)), elements divided by their weight."""
    h = chain(tmp_path).bloch([0.3, 0.0])
    expected = 0.3 * np.exp(0.3j * 1.0) + (0.2 + 0.1j) * np.exp(0.3j * 5.0)
    assert h[0, 1] == pytest.approx(expected, abs=1e-14) and h[0, 0] == pytest.approx(0.1)
    assert h[1, 0] == pytest.approx(np.conj(expected), abs=1e-14)


def test_printed_digits_are_forgiven(tmp_path):
    model = chain(tmp_path, CHAIN.replace("0.4 -0.2", "0.400001 -0.2"))
    assert model.bloch([0.3, 0.0])[0, 1] == pytest.approx(
        chain(tmp_path).bloch([0.3, 0.0])[0, 1], abs=1e-6
    )


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("\n".join(CHAIN.splitlines()[:-3]), "truncated"),
        (CHAIN.replace(" 2 1 2\n", " 2 1\n"), "weights"),
        (CHAIN.replace(" 2 1 2\n", " 2 1 2 1\n"), "weights"),
        (CHAIN.replace(" 2 1 2\n", " 2 1 0\n"), "weights"),
        (CHAIN.replace(" 2 1 2\n", " 2 1 1\n"), "weights"),
        (CHAIN.replace("0.4 -0.2", "0.4 0.2"), "Hermitian"),
        (CHAIN.replace("0.4 -0.2", "0.4 **"), "not a number"),
        (CHAIN.replace(" 1 0 0 1 2", " 1 0 0 1 3"), "outside 1..2"),
        (CHAIN.replace(" 1 0 0 1 2", " 1 0 0 1 1"), "missing"),
        (CHAIN.replace(" 1 0 0", " 2 0 0").replace("-2 0 0", "-1 0 0"), "partner"),
        (CHAIN.replace("-1 0 0", "0 0 -1").replace(" 1 0 0", " 0 0 1"), "along a3"),
        ("", "header"),
        ("only a comment", "header"),
    ],
)
def test_broken_files(tmp_path, text, word):
    with pytest.raises(InputError, match=word) as caught:
        chain(tmp_path, text)
    assert "\n" not in str(caught.value)


def test_truncated_tb_file(tmp_path):
    path = tmp_path / "bilayer_tb.dat"
    write_wannier90(MODEL, path)
    lines = path.read_text().splitlines()
    for keep in (len(lines) - 5, len(lines) // 2, 8, 3):
        path.write_text("\n".join(lines[:keep]))
        with pytest.raises(InputError, match=r"truncated|header|weights"):
            from_wannier90(path)


def test_geometry_is_asked_for(hr, tmp_path):
    with pytest.raises(InputError, match="centres"):
        from_wannier90(hr)
    with pytest.raises(InputError, match="cannot be read"):
        from_wannier90(tmp_path / "absent_hr.dat", SITES, CELL)
    with pytest.raises(InputError, match="each of the 4"):
        from_wannier90(hr, SITES, CELL)
    with pytest.raises(InputError, match="a3 along z"):
        from_wannier90(hr, MODEL.positions, np.ones((3, 3)) + np.eye(3))
    with pytest.raises(InputError, match="lattice"):
        from_wannier90(hr, MODEL.positions, np.ones(3))


def test_layers_are_found_by_their_gaps(tmp_path):
    """Buckled layers, 1.6 angstrom thick and 3 apart, in an order that is not that of z."""
    z = np.array([1.6, 0.0, 6.2, 4.6, 9.2, 10.8])
    model = multilayer_graphene(3)
    sites = model.positions.copy()
    sites[:, 2] = z
    path = tmp_path / "x_hr.dat"
    write_wannier90(model, path)
    found = from_wannier90(path, sites, model.lattice)
    assert found.layers.tolist() == [0, 0, 1, 1, 2, 2]
    assert from_wannier90(path, sites, model.lattice, layers=3).layers.tolist() == [
        0,
        0,
        1,
        1,
        2,
        2,
    ]
    assert from_wannier90(path, sites, model.lattice, layers=1).n_layers == 1
    assert from_wannier90(path, sites, model.lattice, layer_gap=1.0).n_layers == 6


@pytest.mark.parametrize("options", [{"layers": 2}, {"layers": 9}, {"layer_gap": 4.0}])
def test_layers_that_cannot_be_told_apart(tmp_path, options):
    model = multilayer_graphene(3)
    path = tmp_path / "x_hr.dat"
    write_wannier90(model, path)
    with pytest.raises(InputError, match="layers"):
        from_wannier90(path, model.positions, model.lattice, **options)


def test_flat_file_is_not_layered(hr):
    flat = MODEL.positions * [1, 1, 0]
    for options in ({}, {"layers": 2}):
        with pytest.raises(InputError, match="cannot be told apart"):
            from_wannier90(hr, flat, MODEL.lattice, **options)
