"""Wannier90 files: round trips, a file written by hand, and files that are broken."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from ohmr_fem.errors import InputError
from ohmr_fem.micro import (
    bilayer_graphene,
    from_wannier90,
    inverse_mass,
    multilayer_graphene,
    write_wannier90,
)
from ohmr_fem.micro.wannier90 import _one_cell

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


READERS = Path(__file__).parents[1] / "data" / "readers"
GRAPHITE = [[2.46, 0.0], [1.23, 2.130422493309719]]
SPREAD_SITES = [[0, 0, 0], [2.85, 0, 3.35]]
SQUARE = [[3.0, 0], [0, 3.0]]


def spread(path, **options):
    return from_wannier90(path, SPREAD_SITES, SQUARE, layers=2, filling=1, **options)


def components(model, mu, temperature, mesh):
    x = np.asarray(inverse_mass(model, mu, temperature, mesh=mesh).X).reshape(3, 3)
    return x[0, 0], x[2, 0], x[2, 2]


def test_wsvec_is_applied():
    found = components(spread(READERS / "s_hr.dat"), -2.0, 1500, 48)
    assert found == pytest.approx((0.63146, -0.00363, 0.08116), abs=1.5e-5)


def as_tb(folder):
    """The same elements as a _tb.dat, with a cell of 30 angstrom."""
    words = (READERS / "s_hr.dat").read_text().split("\n", 1)[1].split()
    n, m = 2, int(words[1])
    rows = np.array(words[2 + m :], dtype=float).reshape(m, n * n, 7)
    lines = ["tb", "3 0 0", "0 3 0", "0 0 30", str(n), str(m), " ".join(words[2 : 2 + m])]
    for kind in "Hr":
        for block in rows:
            cell = " ".join(str(int(v)) for v in block[0, :3])
            lines += ["", cell]
            for row in block:
                i, j = int(row[3]), int(row[4])
                values = f"{row[5]} {row[6]}"
                if kind == "r":
                    home = not block[0, :3].any() and i == j
                    place = SPREAD_SITES[i - 1] if home else (0, 0, 0)
                    values = " ".join(f"{x} 0" for x in place)
                lines.append(f"{i} {j} {values}")
    path = folder / "t_tb.dat"
    path.write_text("\n".join(lines))
    return path


def test_wsvec_beside_tb_and_of_a_run_without(tmp_path):
    wsvec = (READERS / "s_wsvec.dat").read_text()
    whole = spread(READERS / "s_hr.dat")
    path = as_tb(tmp_path)
    bare = from_wannier90(path, layers=2, filling=1)
    (tmp_path / "t_wsvec.dat").write_text(wsvec.replace("\n", "\r\n"))
    spread_tb = from_wannier90(path, layers=2, filling=1)
    assert np.abs(spread_tb.bloch(K) - whole.bloch(K)).max() < 1e-12
    # with use_ws_distance = .false. every shift is zero, and nothing changes
    zero = ["none"]
    for i1 in (-1, 0, 1):
        for i2 in (-1, 0, 1):
            for j in (1, 2):
                for i in (1, 2):
                    zero += [f"{i1} {i2} 0 {i} {j}", "1", "0 0 0"]
    (tmp_path / "t_wsvec.dat").write_text("\n".join(zero))
    same = from_wannier90(path, layers=2, filling=1)
    assert np.abs(same.bloch(K) - bare.bloch(K)).max() < 1e-12
    assert np.abs(bare.bloch(K) - whole.bloch(K)).max() > 0.01


@pytest.mark.parametrize("wrong", ["cut", "more", "word", "elsewhere", "none", "twice", "orbital"])
def test_wsvec_that_does_not_fit_is_refused(tmp_path, wrong):
    text = (READERS / "s_wsvec.dat").read_text()
    head, _, rest = text.partition("\n")
    changed = {
        "cut": text[:-40],
        "more": text + "5 5 0 1 1\n1\n0 0 0\n",
        "word": text.replace(" 2 ", " two ", 1) if " 2 " in text else text + "two",
        "elsewhere": text.replace("   -1   -1    0    1    1", "   -7   -1    0    1    1"),
        "none": head + "\n",
        "twice": head + "\n" + rest + rest,
        "orbital": text.replace("   -1   -1    0    1    1", "   -1   -1    0    1    9"),
    }[wrong]
    shutil.copy(READERS / "s_hr.dat", tmp_path / "s_hr.dat")
    (tmp_path / "s_wsvec.dat").write_text(changed)
    with pytest.raises(InputError, match=r"s_wsvec\.dat: (does not fit|holds something)"):
        spread(tmp_path / "s_hr.dat")


def bilayer(centres, lattice):
    return from_wannier90(READERS / "b_hr.dat", centres, lattice)


def with_height(height):
    cell = np.diag([0.0, 0.0, height])
    cell[:2, :2] = GRAPHITE
    return cell


def test_centres_of_the_home_cell_are_brought_back():
    own = bilayer(READERS / "own_centres.xyz", GRAPHITE)
    home = bilayer(READERS / "home_centres.xyz", with_height(30.0))
    for derivative in ("", "x", "zz", "zx"):
        assert np.abs(home.bloch(K, derivative) - own.bloch(K, derivative)).max() < 1e-6
    assert components(home, 0.4, 300, 60)[2] == pytest.approx(0.0300, abs=5e-5)
    # without a3 nobody can know by how much they were moved
    with pytest.raises(InputError, match=r"a bond of 26\.6 angstrom along z.*a1, a2, a3"):
        bilayer(READERS / "home_centres.xyz", GRAPHITE)


@pytest.mark.parametrize(
    "moves",
    [
        [(0, 0, 0), (1, 0, 0), (0, 0, 0), (0, 0, 0)],
        [(0, 0, 0), (0, -1, 0), (0, -1, 0), (0, -1, 0)],
        [(0, 0, 1), (0, 0, 1), (0, 0, 0), (1, 0, 0)],
        [(0, 0, 0), (0, 0, 1), (0, 1, 0), (-1, 0, 1)],
    ],
)
def test_centres_moved_by_any_lattice_vector(moves):
    cell = with_height(24.0)
    own = bilayer(READERS / "own_centres.xyz", GRAPHITE)
    home = bilayer(own.positions + np.array(moves) @ cell, cell)
    for derivative in ("x", "y", "zz", "zx"):
        assert np.abs(home.bloch(K, derivative)) == pytest.approx(
            np.abs(own.bloch(K, derivative)), abs=1e-6
        )


def test_centres_in_place_stay_bit_for_bit():
    for model in (MODEL, multilayer_graphene(4)):
        assert np.array_equal(
            _one_cell("", model.positions, model.lattice, 60.0, model.translations, model.blocks),
            model.positions,
        )
