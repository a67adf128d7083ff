"""Measured curves from CSV files: units, directions, groups, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

import ohmr_fem as of
from ohmr_fem.errors import InputError
from ohmr_fem.fitting.data import Measured, read_data, with_pairs


@pytest.fixture
def table(tmp_path):
    def write(text, name="data.csv"):
        (tmp_path / name).write_text(text, encoding="utf-8")
        return tmp_path / name

    return write


@pytest.mark.parametrize(
    ("unit", "tesla"),
    [("T", 1.0), ("mT", 1e-3), ("Oe", 1e-4), ("kOe", 0.1), ("G", 1e-4), ("A/m", 1.25663706e-6)],
)
def test_units_of_the_field(table, unit, tesla):
    (curve,) = read_data(table(f"B [{unit}],R [ohm]\n-2,1\n0,2\n2,3\n"), direction="y")
    assert np.allclose(
        curve.fields, tesla * np.array([[0, -2, 0], [0, 0, 0], [0, 2, 0]]), rtol=1e-8
    )
    assert curve.values.tolist() == [1, 2, 3] and curve.quantity == "R"


@pytest.mark.parametrize(
    ("header", "quantity", "factor"),
    [
        ("R [mohm]", "R", 1e-3),
        ("R_xx (kΩ)", "R", 1e3),
        ("MR [%]", "ratio", 1e-2),
        ("dR/R [ppm]", "ratio", 1e-6),
        ("hanle [uohm]", "hanle", 1e-6),
        ("R(B)-R(0) [ohm]", "hanle", 1.0),
    ],
)
def test_quantities(table, header, quantity, factor):
    (curve,) = read_data(table(f"Bx [T],{header}\n1,5\n2,7\n"))
    assert curve.quantity == quantity and np.allclose(
        curve.values, factor * np.array([5, 7]), rtol=1e-12
    )


def test_voltage_and_current_and_sign(table):
    (curve,) = read_data(table("Bx [T];V [uV];I [mA]\n1;-5,5;2\n2;-7;2\n"), sign=-1)
    assert np.allclose(curve.values, [2.75e-3, 3.5e-3])


def test_errors_go_with_their_column(table):
    (curve,) = read_data(table("Bx [T],R [mohm],R_err,Rnote_err [ohm]\n1,5,0.1,9\n2,7,0.2,9\n"))
    assert np.allclose(curve.sigma, [1e-4, 2e-4])


def test_groups_by_measurement_and_direction(table):
    rows = [
        "measurement,Bx [T],Bz [T],R [ohm]",
        "a,-1,-1,1",
        "a,0,0,2",
        "a,1,1,3",
        "a,-1,0,4",
        "a,0,0,5",
        "a,1,0,6",
        "b,1,0,7",
        "b,2,0,8",
    ]
    curves = read_data(table("\n".join(rows)))
    assert [c.name for c in curves] == ["a", "a", "b"]
    assert [c.values.tolist() for c in curves] == [[1, 2, 3], [4, 5, 6], [7, 8]]
    assert np.allclose(curves[0].direction, [np.sqrt(0.5), 0, np.sqrt(0.5)])
    assert np.allclose(curves[0].signed, np.sqrt(2) * np.array([-1, 0, 1]))


def test_an_angle_scan_is_one_curve(table):
    angles = np.linspace(0, np.pi, 13)
    rows = [f"{np.cos(a)},{np.sin(a)},{i}" for i, a in enumerate(angles)]
    assert len(read_data(table("Bx [T],By [T],R [ohm]\n" + "\n".join(rows)))) == 1


def test_our_own_tables_come_back(tmp_path):
    strip = of.Problem(
        of.cross_section("400 nm", cells=8),
        of.Material(1e-3, 2e-12, 0.1, 24.4, diffusion_length=1e-7),
    )
    curve = of.hanle_curve(strip, of.field_sweep(-1, 1, 5))
    (back,) = read_data(curve.to_csv(tmp_path / "curve.csv"), quantity="ratio")
    assert np.array_equal(back.fields, curve.fields) and np.array_equal(
        back.values, curve.rho_change
    )


def test_missing_values(table, refuses):
    path = table("# a comment\nBx [T],R [ohm]\n1,5\n\n2,nan\n3,\n4,8\n")
    with refuses(InputError, "data.csv", "2 of 4 rows", "line 5, 6", "nan='drop'"):
        read_data(path)
    assert read_data(path, nan="drop")[0].values.tolist() == [5, 8]


@pytest.mark.parametrize(
    ("text", "options", "fragments"),
    [
        ("Bx [T],R [ohm]\n1,abc\n2,3\n", {}, ["line 2", "'abc'", "not a number"]),
        ("Bx [nm],R [ohm]\n1,2\n2,3\n", {}, ["'nm'", "magnetic field", "T, mT"]),
        ("Bx,R [ohm]\n1,2\n2,3\n", {}, ["'Bx'", "no unit", "Bx [T]"]),
        ("Bx [T],R\n1,2\n2,3\n", {}, ["'R'", "no unit"]),
        ("Bx [T],R [T]\n1,2\n2,3\n", {}, ["'T'", "resistance"]),
        ("x [T],R [ohm]\n1,2\n2,3\n", {}, ["no field column", "'B [T]'"]),
        ("B [T],R [ohm]\n1,2\n2,3\n", {}, ["direction"]),
        ("B [T],R [ohm]\n1,2\n2,3\n", {"direction": (0, 0, 0)}, ["direction"]),
        ("Bx [T],Q [ohm]\n1,2\n2,3\n", {}, ["no measured column"]),
        ("Bx [T],R [ohm],MR [%]\n1,2,3\n2,3,4\n", {}, ["R, ratio", "quantity='R'"]),
        ("Bx [T],R [ohm]\n1,2\n2,3\n", {"quantity": "hanle"}, ["no column for 'hanle'"]),
        (
            "B,R [ohm]\n1,2\n2,3\n",
            {"direction": "x"},
            ["{'B': ('B', 'T')}", "--column B=B --unit B=T"],
        ),
        ("Angle (deg),R [ohm]\n0,2\n90,3\n", {}, ["plane='xy'", "--plane xy --field '9 T'"]),
        ("Angle (deg),R [ohm]\n0,2\n90,3\n", {"field": 9}, ["plane='xy'", "--plane xy"]),
        ("Bx [T],R [ohm]\n1,2\n2,3\n", {"columns": {"sigma": ("", "ohm")}}, ["its heading"]),
        ("Bx [T],R [ohm]\n1,2\n2,3\n", {"quantity": "resist"}, ["'resist'"]),
        ("Bx [T],V [V]\n1,2\n2,3\n", {}, ["current", "I [A]"]),
        ("Bx [T],R [ohm]\n1,2\n1,3\n", {}, ["all 2 fields are equal"]),
        ("Bx [T],R [ohm],R_err [ohm]\n1,2,0\n2,3,1\n", {}, ["sigma must be positive"]),
        ("Bx [T],R [ohm]\n", {}, ["holds 1 lines"]),
        ("Bx [T],R [ohm]\n1,5,2\n2,3\n", {}, ["line 2", "more cells"]),
        ("Bx [T],R [ohm],R [ohm]\n1,2,3\n2,3,4\n", {}, ["two columns", "'R'"]),
        ("Bx [T],R [ohm]\n1,2\n2,3\n", {"sign": 2}, ["1 or -1"]),
        ("Bx [T],R [ohm]\n1,2\n2,3\n", {"nan": "zero"}, ["'error' or 'drop'"]),
    ],
)
def test_refused(table, refuses, text, options, fragments):
    with refuses(InputError, *fragments):
        read_data(table(text), **options)


def test_no_file_and_no_text(tmp_path, refuses):
    with refuses(InputError, "no such file"):
        read_data(tmp_path / "none.csv")
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00\x01")
    with refuses(InputError, "UTF-8"):
        read_data(tmp_path / "binary.csv")


def test_measured_checks_its_arrays(refuses):
    fields = of.field_sweep(-1, 1, 3)
    with refuses(InputError, "shape (3,)"):
        Measured(fields, [1, 2])
    with refuses(InputError, "1 of 3 are not finite", "number 1"):
        Measured(fields, [1, np.nan, 2])
    with refuses(InputError, "'rho'"):
        Measured(fields, [1, 2, 3], "rho")


@pytest.mark.parametrize("heading", ["R [mohm]", "V [mV],I [A]"])
def test_a_resistance_is_read_as_its_relative_change(table, heading):
    """As of.Measured.relative makes it: what a cross-section needs."""
    lines = "".join(f"{b},{4 + b * b},1\n" for b in (-1, 0, 2))
    path = table(f"Bx [T],{heading}{'' if 'I' in heading else ',note'}\n{lines}")
    (ratio,) = read_data(path, quantity="ratio")
    assert ratio.quantity == "ratio" and ratio.values.tolist() == [0.25, 0.0, 1.0]
    (whole,) = read_data(path)
    assert np.allclose(whole.relative().values, ratio.values, rtol=1e-14)


def test_the_relative_change_of_a_curve(refuses):
    fields = of.field_sweep(-1, 1, 3)
    curve = Measured(fields, [3.0, -2.0, 3.0], sigma=0.1, name="far").relative()
    assert curve.values.tolist() == [-2.5, 0.0, -2.5] and curve.sigma.tolist() == [0.05] * 3
    assert curve.quantity == "ratio" and curve.name == "far"
    with refuses(InputError, "divide by R(0)"):
        Measured(fields, [1, 0, 1], "hanle").relative()
    with refuses(InputError, "zero at the smallest field"):
        Measured(fields, [1, 0, 1]).relative()


def test_a_cross_section_says_how_to_divide(refuses):
    section = of.Problem(of.cross_section("12 nm", normal="z"), of.presets.mn(resistivity=1e-6))
    fields = of.field_sweep(-1, 1, 5)
    with refuses(InputError, "curve.relative()", "--quantity ratio"):
        of.fit(Measured(fields, [3, 2, 1, 2, 3]), section, ["alpha"])
    with refuses(InputError, "hanle/R(0)"):
        of.fit(Measured(fields, [3, 2, 1, 2, 3], "hanle"), section, ["alpha"])


def test_a_unit_alone_is_of_the_heading_that_means_it(table):
    path = table("B,Res\n-10,1\n10,3\n")
    columns = {"B": ("", "kOe"), "R": ("", "mohm")}
    (curve,) = read_data(path, direction="x", columns=columns)
    assert np.allclose(curve.signed, [-1, 1]) and np.allclose(curve.values, [1e-3, 3e-3])


def test_pairs_by_name(refuses):
    fields, pairs = (
        of.field_sweep(-1, 1, 3),
        {"local": (("a", "b"), ("c", "d")), "far": (("a", "c"), ("b", "d"))},
    )
    (named,) = with_pairs([Measured(fields, [1, 2, 3], name="far")], pairs)
    assert named.current == ("a", "c") and named.voltage == ("b", "d")
    with refuses(InputError, "local, far", "measurement='local' (--measurement local;"):
        with_pairs([Measured(fields, [1, 2, 3])], pairs)
    with refuses(InputError, "did you mean 'local'?"):
        with_pairs([Measured(fields, [1, 2, 3], name="locl")], pairs)
