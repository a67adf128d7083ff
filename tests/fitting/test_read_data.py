"""Files as instruments and laboratories write them: the same curve from each, or a refusal."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import ohmr_fem as of
from ohmr_fem.errors import InputError
from ohmr_fem.fitting.data import read_data

B = np.array([-9.0, -4.5, -1.5, 0.0, 1.5, 4.5, 9.0])
R = np.array([101.4715, 100.6125, 100.0925, 100.0, 100.0925, 100.6125, 101.4715])
SIGMA = 0.0125


def rows(*columns: object, sep: str = ",") -> str:
    """Lines of cells; a column is a format of (b, r), or numbers with their format."""
    lines = []
    for k, (b, r) in enumerate(zip(B, R, strict=True)):
        lines.append(sep.join(c.format(b=b, r=r, k=k, oe=1e4 * b, v=1e3 * r) for c in columns))
    return "\n".join(lines) + "\n"


def comma(text: str) -> str:
    return text.replace(".", ",")


QD = (
    "[Header]\n; made up for a test\nTITLE,film 3, cell 2\nBYAPP,{app},1.0,2.0\n"
    "INFO,PPMS,APPNAME\nFILEOPENTIME,1204.5,10/1/2025,15:29:28\nSTARTUPAXIS,X,2\n[Data]\n"
)
RES = (
    "Comment,Time Stamp (sec),Status (code),Temperature (K),Magnetic Field (Oe),"
    "Sample Position (deg),"
)
FRONT = (",{k}.5,4401,2.00{k}", "{oe:.3f}", "0")

#: {kind of file: (text, arguments)}; every one holds the same curve.
FILES = {
    "qd resistivity option": (
        QD.format(app="Resistivity") + RES + "Bridge 1 Resistance (Ohms),Bridge 1 Excitation (uA),"
        "Bridge 2 Resistance (Ohms),Bridge 2 Excitation (uA)\n"
        + rows(*FRONT, "{r:.4f}", "100", "", ""),
        {"direction": "x"},
    ),
    "qd bridge resistivity in ohm": (
        QD.format(app="Resistivity")
        + RES
        + "Bridge 1 Resistivity (Ohm),Bridge 1 Excitation (uA)\n"
        + rows(*FRONT, "{r:.4f}", "100"),
        {"direction": "x"},
    ),
    "qd eto": (
        QD.format(app="ETO")
        + RES.replace("Magnetic Field", "Field")
        + "Resistance Ch1 (Ohms),Resistance Std. Dev. Ch1 (Ohms),Phase Angle Ch1 (deg)\n"
        + rows(*FRONT, "{r:.4f}", "0.0125", "1.{k}"),
        {"direction": "x"},
    ),
    "qd act, channels in turn": (
        QD.format(app="ACTRANSPORT")
        + RES
        + "Res. ch1 (ohm),Res. ch2 (ohm),Res. Std.Dev. ch1\n"
        + "".join(
            f",{k}.5,1,2.0,{1e4 * b:.3f},0,{r:.4f},,0.0125\n"
            f",{k}.6,1,2.0,{1e4 * b:.3f},0,,{b:.1f},\n"
            for k, (b, r) in enumerate(zip(B, R, strict=True))
        ),
        {"direction": "x", "columns": {"R": "Res. ch1 (ohm)"}},
    ),
    "qd with a row of a comment": (
        QD.format(app="Resistivity")
        + RES
        + "Bridge 1 Resistance (Ohms)\nramp,,,,,,\n"
        + rows(*FRONT, "{r:.4f}"),
        {"direction": "x"},
    ),
    "semicolons and decimal commas": (
        "Field [T];R [ohm]\n" + comma(rows("{b:.2f}", "{r:.4f}", sep=";")),
        {"direction": "x"},
    ),
    "tabs and decimal commas": (
        "B [mT]\tR [kOhm]\n"
        + "".join(
            f"{1e3 * b:.1f}\t{r / 1e3:.7f}\n".replace(".", ",") for b, r in zip(B, R, strict=True)
        ),
        {"direction": "x"},
    ),
    "thousands and a decimal point": (
        "H (Oe)\tR (Ohm)\n" + rows("{oe:,.0f}", "{r:.4f}", sep="\t"),
        {"direction": "x"},
    ),
    "thousands by points, decimal commas": (
        "H (Oe);R (mOhm)\n"
        + "".join(
            f"{1e4 * b:,.1f};{1e3 * r:,.1f}\n".translate(str.maketrans(",.", ".,"))
            for b, r in zip(B, R, strict=True)
        ),
        {"direction": "x"},
    ),
    "thousands by blanks": (
        "H (Oe);R (Ohm)\n" + rows("{oe:_.0f}", "{r:.4f}", sep=";").replace("_", " "),
        {"direction": "x"},
    ),
    "quoted thousands in a csv": (
        '"H (Oe)","R (Ohm)"\n' + rows('"{oe:,.0f}"', '"{r:.4f}"'),
        {"direction": "x"},
    ),
    "typographic minus": (
        "B [T]\tR [ohm]\n" + rows("{b:.1f}", "{r:.4f}", sep="\t").replace("-", "−"),
        {"direction": "x"},
    ),
    "utf-16": ("B [T]\tR [Ω]\n" + rows("{b:.1f}", "{r:.4f}", sep="\t"), {"direction": "x"}),
    "utf-16 without a mark": (
        "B [T],R [ohm]\n" + rows("{b:.1f}", "{r:.4f}"),
        {"direction": "x"},
    ),
    "cp1252": (
        "µ0H [mT],Temperatur [°C],R [ohm]\n"
        + "".join(f"{1e3 * b:.1f},25,{r:.4f}\n" for b, r in zip(B, R, strict=True)),
        {"direction": "x"},
    ),
    "byte order mark": ("B [T],R [ohm]\n" + rows("{b:.1f}", "{r:.4f}"), {"direction": "x"}),
    "origin": (
        "Field\tResistance\nOe\tOhm\n\tfilm 3\n" + rows("{oe:.0f}", "{r:.4f}", sep="\t"),
        {"direction": "x"},
    ),
    "units in brackets below": (
        "B,R,R_err\n[T],[ohm],[mohm]\n" + rows("{b}", "{r:.4f}", "12.5"),
        {"direction": "x"},
    ),
    "units after a slash": (
        "B / T,R/Ohm\n" + rows("{b:.1f}", "{r:.4f}"),
        {"direction": "x"},
    ),
    "savetxt": (
        "# made up\n# B [T] R [ohm]\n" + rows("{b:.3e}", "{r:.9e}", sep=" "),
        {"direction": "x"},
    ),
    "hash in a name": (
        "R2 #3 film (Ohm),Field (Oe)\n" + rows("{r:.4f}", "{oe:.0f}"),
        {"direction": "x", "columns": {"R": "R2 #3 film (Ohm)"}},
    ),
    "a sentence above": (
        "Measured at 24.9 C, with 1 mA on contacts 1 and 2\n\nB [T],R [ohm]\n"
        + rows("{b:.1f}", "{r:.4f}"),
        {"direction": "x"},
    ),
    "a list of settings above": (
        "sample: film 3\ndate\t2024-01-02\nlock-in\tSR830\ngain\t100\nB [T]\tR [ohm]\n"
        + rows("{b:.1f}", "{r:.4f}", sep="\t"),
        {"direction": "x"},
    ),
    "trailing separators": (
        "B [T],R [ohm],\n" + rows("{b:.1f}", "{r:.4f}", ""),
        {"direction": "x"},
    ),
    "blanks between columns": (
        "  B [T]    R [ohm]\n" + rows("  {b:7.3f}", "  {r:9.4f}", sep="  "),
        {"direction": "x"},
    ),
    "instrument nan": (
        "B [T],R [ohm]\n0.7,9.91E37\n" + rows("{b:.1f}", "{r:.4f}") + "9,9.9e+37\n",
        {"direction": "x", "nan": "drop"},
    ),
    "status and text columns": (
        "time,Status,B [T],R [ohm],remark\n" + rows("12:00:0{k}", "OK", "{b:.1f}", "{r:.4f}", "-"),
        {"direction": "x"},
    ),
    "std behind its column": (
        "MF (KGs)\tSTD (KGs)\tR (Ohm)\tSTD (Ohm)\n"
        + "".join(f"{10 * b:.2f}\t0.01\t{r:.4f}\t0.0125\n" for b, r in zip(B, R, strict=True)),
        {"direction": "x"},
    ),
    "voltage and current": (
        "B [kOe],V (mV),I [uA]\n"
        + "".join(f"{10 * b},{r:.6f},1000\n" for b, r in zip(B, R, strict=True)),
        {"direction": "x"},
    ),
    "lock-in columns by name": (
        "Bset,X1,Y1,Isrc\n"
        + "".join(f"{b},{r / 1e4:.9f},1e-9,0.1\n" for b, r in zip(B, R, strict=True)),
        {
            "direction": "x",
            "columns": {"B": ("Bset", "T"), "V": ("X1", "V"), "I": ("Isrc", "mA")},
        },
    ),
    "vector magnet with offsets": (
        "Bx [T],By [T],Bz [T],R [ohm]\n" + rows("{b:.1f}", "0.001", "-0.0005", "{r:.4f}"),
        {},
    ),
    "angle column at one angle": (
        "Field (T),Angle (deg),R (ohm)\n" + rows("{b:.1f}", "0", "{r:.4f}"),
        {"plane": "xy"},
    ),
}
ENCODINGS = {
    "utf-16": "utf-16",
    "utf-16 without a mark": "utf-16-le",
    "cp1252": "cp1252",
    "byte order mark": "utf-8-sig",
}
WITH_SIGMA = {
    "qd eto", "qd act, channels in turn", "units in brackets below", "std behind its column"
}  # fmt: skip


@pytest.fixture
def table(tmp_path):
    def write(text, name="data.csv", encoding="utf-8"):
        (tmp_path / name).write_bytes(text.encode(encoding))
        return tmp_path / name

    return write


@pytest.mark.parametrize("kind", FILES)
def test_the_same_curve_from_every_file(table, kind):
    text, arguments = FILES[kind]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # rows of comments are counted
        (curve,) = read_data(table(text, encoding=ENCODINGS.get(kind, "utf-8")), **arguments)
    across = [0, 0.001, -0.0005] if "vector" in kind else [0, 0, 0]
    assert curve.quantity == "R"
    assert np.allclose(curve.fields, np.outer(B, [1, 0, 0]) + across, rtol=1e-12, atol=1e-12)
    assert np.allclose(curve.values, R, rtol=1e-12)
    if kind in WITH_SIGMA:
        assert np.allclose(curve.sigma, SIGMA, rtol=1e-12)
    else:
        assert curve.sigma is None
    if kind.startswith("qd"):
        assert curve.temperature == pytest.approx(2.0, abs=0.01) and len(curve.time) == len(B)


AMBIGUOUS = "H (Oe)\tR (Ohm)\n-90,000\t101\n0\t100\n90,000\t101\n"


def test_an_ambiguous_number_is_refused_and_settled(table, refuses):
    path = table(AMBIGUOUS)
    with refuses(InputError, "'-90,000'", "-90000", "-90.000", "decimal='.'", "decimal=','"):
        read_data(path, direction="x")
    assert read_data(path, direction="x", decimal=".")[0].signed.tolist() == [-9, 0, 9]
    assert np.allclose(read_data(path, direction="x", decimal=",")[0].signed, [-9e-3, 0, 9e-3])


def test_points_that_group_beside_decimal_commas(table, refuses):
    path = table("B [T];R [ohm]\n-1,5;1.234\n0;1.233\n1,5;1.234\n")
    with refuses(InputError, "'1.234'", "1234", "decimal=','"):
        read_data(path, direction="x")
    (curve,) = read_data(path, direction="x", decimal=",")
    assert curve.values.tolist() == [1234, 1233, 1234]
    with refuses(InputError, "'-1,5'", "'1.23'", "decimal="):
        read_data(table("B [T];R [ohm]\n-1,5;1.23\n0;1.2\n1,5;1.23\n"), direction="x")


@pytest.mark.parametrize(
    ("text", "arguments", "fragments"),
    [
        ("B [T],Field [T],R [ohm]\n1,1,1\n2,2,2\n", {}, ["'B [T]'", "'Field [T]'", "columns="]),
        ("Bx [T],Sample (Ohm)\n1,1\n2,2\n", {}, ["no measured column", "columns={'R'"]),
        ("Bx [T],Q\n1,1\n2,2\n", {"columns": {"R": "Q"}}, ["no unit", "('Q', 'ohm')"]),
        ("Bx [T],Q\n1,1\n2,2\n", {"columns": {"R": "P"}}, ["no column 'P'", "Bx, Q"]),
        ("Bx [T],Q\n1,1\n2,2\n", {"columns": {"Rxx": "Q"}}, ["'Rxx'", "known names"]),
        ("Bx [T],rho (ohm cm),Rc (Ohm)\n1,1,1\n2,2,2\n", {},
         ["resistivity", "quantity='ratio'", "'Rc (Ohm)'"]),
        ("B [T],Angle (deg),R (ohm)\n1,0,1\n2,90,2\n", {"direction": "x"}, ["90", "plane='xy'"]),
        ("B [T],R (ohm)\n1,0\n2,9\n", {"plane": "xy"}, ["no angle column"]),
        ("B [T],R (ohm)\n1,0\n2,9\n", {"field": 1, "direction": "x"}, ["leave field out"]),
        ("Magnetic Field (Oe) R (Ohm)\n1 2\n3 4\n", {"direction": "x"},
         ["line 2", "2 cells under 3 names", "blanks"]),
        ("1,2\n3,4\n5,6\n", {"direction": "x"}, ["no line names the columns"]),
        ("Bx [T],V (V),I [A]\n1,1,0\n2,2,1\n", {}, ["line 2", "zero"]),
        ("Bx [T],R [ohm]\n1,1_0\n2,2\n", {}, ["'1_0'", "not a number"]),
        ("Bx [T],R [ohm]\n1,2\n2,2\n", {"sweeps": "up"}, ["'apart' or 'together'"]),
        ("Bx [T],R [ohm]\n1,2\n2,2\n", {"decimal": ";"}, ["decimal"]),
    ],
)  # fmt: skip
def test_refused(table, refuses, text, arguments, fragments):
    with refuses(InputError, *fragments) as caught:
        read_data(table(text), **arguments)
    assert len(str(caught.value).replace(str(caught.value).split("data.csv")[0], "")) <= 300


def loop(fields, temperature, noise=0.0, seed=0):
    """Rows (temperature, field in Oe, R) of a sweep; R = 20 + T/50 + 1e-3 B^2."""
    rng = np.random.default_rng(seed)
    t = temperature + noise * rng.standard_normal(len(fields))
    return [
        (a, 1e4 * b, 20 + temperature / 50 + 1e-3 * b * b) for a, b in zip(t, fields, strict=True)
    ]


UP = np.linspace(-8, 8, 9)


def log_file(table, parts):
    text = "T stage (K),Field (Oe),film (Ohm)\n"
    return table(text + "".join(f"{a:.5f},{b:.3f},{r:.6f}\n" for a, b, r in parts))


LOG = {"B": "Field (Oe)", "R": "film (Ohm)", "temperature": "T stage (K)"}


def cooling(start, stop, field, count=8):
    return [
        (t, 1e4 * field, 20 + t / 50 + 1e-3 * field**2) for t in np.linspace(start, stop, count)
    ]


def test_a_log_comes_apart_by_temperature_and_sweep(table):
    parts = cooling(80, 10, 0.0)
    for t in (10, 50):
        parts += loop(UP, t, 0.01, t) + loop(UP[::-1], t, 0.01, t + 1)
    with pytest.warns(
        UserWarning, match="8 rows of a run in temperature, or of a wait between sweeps, left out"
    ):
        curves = read_data(log_file(table, parts), direction="x", columns=LOG)
    assert [c.name for c in curves] == ["[10 K, up]", "[10 K, down]", "[50 K, up]", "[50 K, down]"]
    assert [len(c.values) for c in curves] == [9, 9, 9, 9]
    assert np.allclose([c.temperature for c in curves], [10, 10, 50, 50], atol=0.02)
    for c, t in zip(curves, (10, 10, 50, 50), strict=True):
        assert np.allclose(c.values, 20 + t / 50 + 1e-3 * c.signed**2, atol=2e-6)
    with pytest.warns(UserWarning):
        joined = read_data(log_file(table, parts), direction="x", columns=LOG, sweeps="together")
    assert [len(c.values) for c in joined] == [18, 18]


def test_a_slow_run_between_two_sweeps_and_a_temperature_set_twice(table):
    parts = loop(UP, 300, 0.02, 1) + cooling(300, 10, 8.0, 200) + loop(UP[::-1], 10, 0.005, 2)
    parts += cooling(10, 300, -8.0, 100) + loop(UP, 300, 0.02, 3)
    with pytest.warns(UserWarning, match="rows of a run in temperature"):
        curves = read_data(log_file(table, parts), direction="x", columns=LOG)
    assert [round(c.temperature) for c in curves] == [300, 10, 300]
    for c in curves:
        assert np.allclose(c.values, 20 + round(c.temperature) / 50 + 1e-3 * c.signed**2, atol=2e-3)


def test_sweeps_that_fly_back_or_are_minor_loops(table):
    head = "B [T],R [ohm]\n"
    saw = np.concatenate([UP, UP, UP])
    curves = read_data(
        table(head + "".join(f"{b},{k}\n" for k, b in enumerate(saw))), direction="x"
    )
    assert [c.values.tolist() for c in curves] == [list(range(k, k + 9)) for k in (0, 9, 18)]
    minor = np.concatenate([UP, UP[::-1][:2], UP[7:]])
    (one,) = read_data(
        table(head + "".join(f"{b},{k}\n" for k, b in enumerate(minor))), direction="x"
    )
    assert len(one.values) == len(minor)


def test_a_temperature_that_runs_while_the_field_sweeps_is_refused(table, refuses):
    parts = [
        (t, b, r) for t, (_, b, r) in zip(np.linspace(10, 60, 90), 10 * loop(UP, 10), strict=True)
    ]
    path = log_file(table, parts)
    with refuses(InputError, "'T stage'", "10", "60", "columns={'temperature': None}"):
        read_data(path, direction="x", columns=LOG)
    assert read_data(path, direction="x", columns=LOG | {"temperature": None})


def test_channels_side_by_side_and_in_turn(table):
    side = "B [T],R_xx [ohm],R_xy [mohm]\n" + rows("{b:.1f}", "{r:.4f}", "{b}")
    xx, xy = read_data(table(side), direction="z")
    assert (xx.name, xy.name) == ("R_xx", "R_xy")
    assert np.allclose(xx.values, R) and np.allclose(xy.values, 1e-3 * B)
    turn = "B [T],Res. ch1 (ohm-cm),Res. ch2 (ohm-cm)\n"
    turn += "".join(f"{b},{r},\n{b},,{1 + b}\n" for b, r in zip(B, R, strict=True))
    path = table(turn)
    with pytest.warns(UserWarning, match="Hall"):
        one, two = read_data(path, direction="z", quantity="ratio")
    assert np.allclose(one.values, R / 100 - 1) and np.allclose(two.values, B)


def test_an_angle_scan_of_voltage_over_current(table):
    angles = np.repeat(np.arange(0, 361, 30), 3)
    text = "Angle,Magnet current (A),X1,Y1,I_source (mA)\n"
    text += "".join(f"{a},0.1,{1.5e-3 * (1 + 1e-4 * np.cos(np.radians(a)) ** 2):.12f},0,15\n"
                    for a in angles)  # fmt: skip
    columns = {"angle": ("Angle", "deg"), "V": ("X1", "V"), "I": "I_source (mA)"}
    (curve,) = read_data(table(text), plane="zx", field="90 kOe", columns=columns)
    assert curve.fields[0].tolist() == [0, 0, 9] and np.allclose(curve.fields[9], [9, 0, 0])
    assert np.allclose(curve.values, 0.1 * (1 + 1e-4 * (curve.fields[:, 2] / 9) ** 2), rtol=1e-9)


def test_errors_of_voltage_and_current(table):
    text = "MF (KGs)\tI(12) (mA)\tSTD (mA)\tV(43) (mV)\tSTD (mV)\n"
    text += "-9.00\t1.0\t0.001\t2.9\t0.0005\n9.00\t1.0\t0.001\t2.9\t0.0005\n"
    (curve,) = read_data(table(text), direction="x")
    assert np.allclose(curve.values, 2.9) and np.allclose(curve.signed, [-0.9, 0.9])
    assert np.allclose(curve.sigma, np.hypot(0.0005, 2.9 * 0.001), rtol=1e-12)


def test_a_sweep_beside_a_field_that_stands_still(table):
    """As large as the sweep; a second one through zero is a curve of its own."""
    for other in (0.25, -7.0):
        lines = [f"{b},0,{other},{k}" for k, b in enumerate((-1.5, -0.5, 0.0, 0.3))]
        (curve,) = read_data(table("Bx [T],By [T],Bz [T],R [ohm]\n" + "\n".join(lines)))
        assert curve.fields[:, 2].tolist() == [other] * 4 and curve.values.tolist() == [0, 1, 2, 3]
    crossed = ["-1,0,0,1", "0,0,0,2", "1,0,0,3", "0,0,-1,4", "0,0,-0.5,5", "0,0,1,6"]
    curves = read_data(table("Bx [T],By [T],Bz [T],R [ohm]\n" + "\n".join(crossed)))
    assert [c.values.tolist() for c in curves] == [[1, 2, 3], [4, 5, 6]]


def test_sweeps_at_two_directions_with_offsets(table):
    lines = [f"{b:.3f},0.002,0.001,{k}" for k, b in enumerate(UP)]
    lines += [f"-0.003,{b:.3f},0.001,{k}" for k, b in enumerate(UP)]
    curves = read_data(table("Bx [T],By [T],Bz [T],R [ohm]\n" + "\n".join(lines)))
    assert [c.values.tolist() for c in curves] == [list(range(9)), list(range(9))]
    assert np.argmax(np.abs(curves[0].direction)) == 0
    assert np.argmax(np.abs(curves[1].direction)) == 1


def test_a_made_name_still_finds_its_measurement(table, refuses):
    parts = loop(UP, 10, 0.01, 1) + loop(UP[::-1], 10, 0.01, 2)
    curves = read_data(log_file(table, parts), direction="x", columns=LOG)
    named = of.with_pairs(curves, {"far": (("a", "b"), ("c", "d"))})
    assert [c.current for c in named] == [("a", "b"), ("a", "b")]
    with refuses(InputError, "far, near"):
        of.with_pairs(curves, {"far": (("a", "b"), ("c", "d")), "near": (("a", "b"), ("c", "d"))})


def test_netcdf_and_excel_through_their_packages(tmp_path):
    xarray = pytest.importorskip("xarray")
    pytest.importorskip("h5netcdf")
    data = xarray.Dataset(
        {"dmm": ("magnet", R, {"unit": "Ohm", "label": "resistance"})},
        {"magnet": ("magnet", B, {"unit": "T"})},
    )
    data.to_netcdf(tmp_path / "run.nc", engine="h5netcdf")
    (curve,) = read_data(tmp_path / "run.nc", direction="x", columns={"B": "magnet", "R": "dmm"})
    assert np.array_equal(curve.values, R) and np.array_equal(curve.signed, B)


def test_a_workbook_through_pandas(tmp_path, monkeypatch):
    pandas = pytest.importorskip("pandas")
    cells = [["made up", None], [None, None], ["Field", "R"], ["kOe", "Ohm"]]
    cells += [[10 * b, r] for b, r in zip(B, R, strict=True)]
    frame = pandas.DataFrame(cells, dtype=object)
    monkeypatch.setattr(pandas, "read_excel", lambda *a, **k: frame)
    (tmp_path / "log.xlsx").write_bytes(b"PK")
    (curve,) = read_data(tmp_path / "log.xlsx", direction="x")
    assert np.array_equal(curve.values, R) and np.allclose(curve.signed, B, rtol=1e-15)


@pytest.mark.slow
def test_a_long_file_is_read_about_as_quickly_as_numpy_does(tmp_path):
    import time

    path = tmp_path / "long.csv"
    field = 9 * np.sin(np.linspace(0, 20 * np.pi, 1_000_000))
    columns = np.column_stack([field, 1e-3 * np.cos(field), 100 + field**2])
    np.savetxt(path, columns, delimiter=",", header="Bx [T],By [T],R [ohm]", comments="")
    seconds = []
    for read in (lambda: np.loadtxt(path, delimiter=",", skiprows=1), lambda: read_data(path)):
        start = time.process_time()  # of this process alone: the machine is shared
        result = read()
        seconds.append(time.process_time() - start)
    assert seconds[1] < 2 * seconds[0] + 1
    assert len(result) == 21 and sum(len(c.values) for c in result) == len(field)


def test_scans_and_sweeps_at_many_angles(table):
    head = "B [T],Angle (deg),R [ohm]\n"
    angles = range(0, 180, 15)
    scans = "".join(f"{b},{a},{b + a}\n" for b in (1, 2, 5) for a in angles)
    curves = read_data(table(head + scans), plane="xy")
    assert [c.values[0] for c in curves] == [1, 2, 5] and len(curves[0].values) == len(angles)
    sweeps = "".join(f"{b},{a},{b + a}\n" for a in angles for b in UP)
    curves = read_data(table(head + sweeps), plane="xy")
    assert [c.values[0] for c in curves] == [a - 8 for a in angles]


def plain(*columns):
    return "".join(",".join(map(str, row)) + "\n" for row in zip(*columns, strict=True))


@pytest.mark.parametrize("step", [180, 90, 60, 45, 30])
@pytest.mark.parametrize("sweeps", ["apart", "together"])
def test_a_scan_is_one_curve_however_coarse(table, step, sweeps):
    """Opposite angles are one axis, and were taken for the sweep of one."""
    angles = np.arange(0, 361, step)
    given = plain(angles, np.full(len(angles), 9.0), angles)
    with_field = table("Angle (deg),B [T],R [ohm]\n" + given)
    (curve,) = read_data(with_field, plane="xy", sweeps=sweeps)
    assert curve.values.tolist() == angles.tolist()
    ratio = table("Angle (deg),dR/R (ppm)\n" + plain(angles, angles))
    (curve,) = read_data(ratio, plane="xy", field="9 T", sweeps=sweeps)
    assert np.allclose(curve.values, 1e-6 * angles)
    vectors = 9 * np.cos(np.radians(angles)), 9 * np.sin(np.radians(angles))
    (curve,) = read_data(table("Bx [T],By [T],R [ohm]\n" + plain(*vectors, angles)))
    assert curve.values.tolist() == angles.tolist()


@pytest.mark.parametrize("by_angle", [False, True])
def test_coarse_scans_at_several_fields_are_one_curve_each(table, by_angle):
    pairs = [(b, a) for b in (1, 2, 5) for a in range(0, 361, 45)]
    if by_angle:
        pairs.sort(key=lambda pair: pair[1])
    lines = "".join(f"{b},{a},{b + a}\n" for b, a in pairs)
    curves = read_data(table("B [T],Angle (deg),R [ohm]\n" + lines), plane="xy")
    assert [c.name for c in curves] == ["[1 T]", "[2 T]", "[5 T]"]
    assert [c.values[1] for c in curves] == [46, 47, 50] and len(curves[2].values) == 9


def test_both_halves_of_a_run_are_named_by_one_temperature(table):
    """10.0004 and 9.9996 K of one run are no two temperatures; 20 K of the next is."""
    near = np.repeat([10.0008, 9.9988], 9) + 2e-4 * np.tile([1, -1], 9)
    text = "B [T],T [K],R [ohm]\n" + plain([*UP, *UP[::-1]], near, range(18))
    assert [c.name for c in read_data(table(text), direction="x")] == ["[up]", "[down]"]
    text += plain(UP, np.full(9, 20.0), range(9))
    names = [c.name for c in read_data(table(text), direction="x")]
    assert names[:2] == ["[10 K, up]", "[10 K, down]"] and names[2].startswith("[20 K")


def test_sweeps_at_a_few_angles_stay_apart(table):
    lines = "".join(f"{b},{a},{b + a}\n" for a in (0, 45, 90) for b in UP)
    curves = read_data(table("B [T],Angle (deg),R [ohm]\n" + lines), plane="xy")
    assert [c.values[0] for c in curves] == [-8, 37, 82]


def test_thermometers_with_few_digits_and_close_temperatures(table):
    parts = [(round(t, 2), b, r) for t, b, r in loop(UP, 2.0, 0.006, 3)]
    (curve,) = read_data(log_file(table, parts), direction="x", columns=LOG)
    assert len(curve.values) == 9
    parts = []
    for t in (299.0, 300.0, 0.05, 0.06):
        parts += loop(UP, t, 1e-5, 1)
    curves = read_data(log_file(table, parts), direction="x", columns=LOG)
    assert np.allclose([c.temperature for c in curves], [299, 300, 0.05, 0.06], rtol=1e-3)
    stops = [(t, 0.0, 20.5) for t in (5.0, 4.0)] + loop(UP, 2.0, 1e-3, 1)
    with pytest.warns(UserWarning, match="2 rows of a run in temperature"):
        (curve,) = read_data(log_file(table, stops), direction="x", columns=LOG)
    assert len(curve.values) == 9


def test_alternating_temperatures_are_refused(table, refuses):
    pairs = zip(loop(UP, 10.0), loop(UP, 10.2), strict=True)
    parts = [row for pair in pairs for row in pair]
    with refuses(InputError, "to and fro", "10 and 10.2 K", "columns="):
        read_data(log_file(table, parts), direction="x", columns=LOG)


@pytest.mark.parametrize(("waits", "up"), [(1, 9), (2, 9), (3, 10)])
def test_the_rows_at_a_turn_are_shared_out(table, waits, up):
    field = np.concatenate([UP[:-1], np.full(waits, UP[-1]), UP[-2::-1]])
    text = "B [T],R [ohm]\n" + "".join(f"{b},{k}\n" for k, b in enumerate(field))
    first, second = read_data(table(text), direction="x")
    assert (len(first.values), len(first.values) + len(second.values)) == (up, len(field))


def test_the_last_row_of_a_cooling_may_begin_the_sweep(table):
    parts = cooling(80, 10, 0.0) + loop(np.arange(1.0, 9.0), 10, 1e-3, 1)
    with pytest.warns(UserWarning, match="7 rows of a run in temperature"):
        (curve,) = read_data(log_file(table, parts), direction="x", columns=LOG)
    assert np.allclose(curve.signed, np.arange(9.0))


def test_waits_between_sweeps_are_no_sweep(table):
    wait = [(10.0, 1e4 * b, 20.2) for b in [8.0] * 6 + [0.0] * 6]
    parts = loop(UP, 10, 1e-3, 1) + wait + loop(UP, 10, 1e-3, 2)
    with pytest.warns(UserWarning, match="rows of a run in temperature"):
        curves = read_data(log_file(table, parts), direction="x", columns=LOG)
    assert [c.name for c in curves] == ["[up]", "[up, 2]"]
    assert all(np.ptp(c.signed) == 16 for c in curves)


def test_slow_sweeps_of_many_rows_come_apart_too(table):
    slow = np.linspace(-8, 8, 4001)
    parts = cooling(80, 10, -8.0, 300)
    for t in (10, 50):
        parts += loop(slow, t, 0.002, t) + loop(slow[::-1], t, 0.002, t + 1)
    with pytest.warns(UserWarning, match="rows of a run in temperature"):
        curves = read_data(log_file(table, parts), direction="x", columns=LOG)
    assert [c.name for c in curves] == ["[10 K, up]", "[10 K, down]", "[50 K, up]", "[50 K, down]"]
    assert all(abs(len(c.values) - 4001) < 5 for c in curves)


def test_runs_of_a_temperature_stretch_by_stretch():
    """All stretches at once against one at a time: a slow run below the scatter, a step, a wait."""
    from ohmr_fem.fitting.runs import CLOSE, _runs

    rng = np.random.default_rng(3)
    wait = 10.0 + 0.01 * rng.standard_normal(100)
    slow = wait + np.linspace(0.0, 0.06, 100)
    step = np.where(np.arange(100) < 90, wait, wait + 3.0)
    noise = float(np.median(np.abs(np.diff(wait))))
    assert np.ptp(slow) < 10 * noise  # only the means of both ends tell it
    temperature = np.concatenate([wait, slow, step, wait[:7], slow])
    starts = np.array([0, 100, 200, 300, 307])
    ends = np.array([100, 200, 300, 307, 407])
    found = _runs(temperature, starts, ends, noise)
    assert found.tolist() == [False, True, True, False, True]
    for start, end, said in zip(starts, ends, found, strict=True):
        held = temperature[start:end]
        third = max(len(held) // 3, 1)
        change = abs(held[-third:].mean() - held[:third].mean())
        least = 2 * CLOSE * np.abs(held).min()
        scatters = change <= max(least, 6 * noise / np.sqrt(third))
        assert said == (not scatters or np.ptp(held) > max(least, 10 * noise))


@pytest.mark.parametrize("waits", [False, True])
def test_two_temperatures_within_the_scatter(tmp_path, waits):
    """4 K and 4.04 K with a thermometer that scatters by 8 mK: apart where the field waits between
    them, else one curve with a warning.
    """
    rng = np.random.default_rng(2)
    step = 9.0 / 60.0
    B = np.concatenate([np.linspace(-9, 0, 61), np.linspace(0, 9, 61) + step * (not waits)])
    T = np.repeat([4.0, 4.04], 61) + 0.008 * rng.standard_normal(122)
    rows = "\n".join(f"{t:.5f},{b:.4f},{b * b:.4f}" for t, b in zip(T, B, strict=True))
    path = tmp_path / "close.csv"
    path.write_text(f"T (K),B (T),R (Ohm)\n{rows}\n")
    if waits:
        curves = read_data(path, direction="x")
        assert [len(c.values) for c in curves] == [61, 61]
        assert [round(c.temperature, 2) for c in curves] == [4.0, 4.04]
    else:
        with pytest.warns(UserWarning, match="goes from 4 to 4.04 K within the curve"):
            (curve,) = read_data(path, direction="x")
        assert len(curve.values) == 122


def test_there_and_back_within_the_scatter(tmp_path):
    """12 K, 11.88 K and 12 K again, loops from 0 T, a thermometer that scatters by 24 mK."""
    rng = np.random.default_rng(4)
    loop = np.concatenate([np.linspace(0, 9, 31), np.linspace(9, -9, 61), np.linspace(-9, 0, 31)])
    B = np.tile(loop, 3)
    truth = np.repeat([12.0, 11.88, 12.0], len(loop))
    T = truth + 0.024 * rng.standard_normal(len(B))
    rows = "\n".join(f"{t:.5f},{b:.4f},{k}" for k, (t, b) in enumerate(zip(T, B, strict=True)))
    path = tmp_path / "there.csv"
    path.write_text(f"T (K),B (T),R (Ohm)\n{rows}\n")
    curves = read_data(path, direction="x")
    assert len(curves) == 9
    for curve in curves:
        assert len(set(truth[curve.values.astype(int)])) == 1


def test_gauss_in_a_column_of_teslas(tmp_path):
    file = tmp_path / "gauss.csv"
    file.write_text("B (T),R (ohm)\n-9000,1\n0,2\n9000,1\n")
    with pytest.warns(UserWarning, match=r"9000 T is beyond any magnet; in gauss or oersted\?"):
        read_data(file, direction="x")
