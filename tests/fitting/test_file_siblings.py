"""Three hundred files beside those of :mod:`test_read_data`, put together at random or by hand:
each is read right, or refused with the keyword that settles it; none is read wrong.
"""

from __future__ import annotations

import random
import warnings

import numpy as np
import pytest

import ohmr_fem as of
from ohmr_fem.errors import InputError

B = np.array([-9, -7.5, -6, -4.25, -3, -2, -1, -0.5, 0, 0.5, 1, 2, 3, 4.25, 6, 7.5, 9.0])
R = np.round(101.25 + 0.5 * B**2 / (B**2 + 1.0) + 0.031 * B, 5)
S = np.full(len(B), 0.0125)
K = np.full(len(B), 10.0)
MU_0 = 4e-7 * np.pi
X = {"direction": "x"}
FIELDS = {
    **{"T": 1.0, "mT": 1e-3, "uT": 1e-6, "Tesla": 1.0, "Oe": 1e-4, "oe": 1e-4, "kOe": 0.1},
    **{"KOe": 0.1, "G": 1e-4, "Gauss": 1e-4, "kG": 0.1, "A/m": MU_0, "kA/m": 1e3 * MU_0},
}
RESISTANCES = {
    **{"Ohm": 1.0, "ohms": 1.0, "Ω": 1.0, "kOhm": 1e3, "kΩ": 1e3, "KOhm": 1e3, "mΩ": 1e-3},
    **{"mOhm": 1e-3, "MOhm": 1e6, "MΩ": 1e6, "µΩ": 1e-6, "uOhm": 1e-6, "nΩ": 1e-9, "V/A": 1.0},
}
FIELD_NAMES = (
    *("Magnetic Field ({})", "Field ({})", "H ({})", "B [{}]", "B/{}", "mu0H ({})", "B_{}"),
    *("μ0H ({})", "field / {}", "MagField ({})", "magnet_field ({})", "Applied Field ({})"),
)
RESISTANCE_NAMES = (
    *("Resistance ({})", "R ({})", "Rxx ({})", "R_xx [{}]", "R/{}", "Bridge 1 Resistance ({})"),
    *("Resistance Ch1 ({})", "Rxy [{}]", "R_nl ({})"),
)
PREAMBLES = (
    *("", "# sample: film 3\n# date: 2024-03-01\n", "Measured by me, sample 12\n", "% log\n"),
    *("Sample: Nb3\nDate: 01.02.2024 12:30\nComment: cooled in 5 T\n", "; made by a logger\n"),
    "Instrument\tSR830\nGain\t10\n\n",
)
STYLES = ("{:.9g}", "{:.8E}", "{:+.9e}")
OTHERS = {
    "error": (("STD", "err", "Std", "sigma", "±"), None),
    "temperature": (("Temperature (K)", "T [K]", "Temp (K)"), K),
    "time": (("Time (s)", "t [s]", "Time Stamp (sec)"), 100.0 + np.arange(len(B))),
    "number": (("Status", "Number of Readings", "index"), np.arange(len(B))),
    "current": (("Excitation (mA)",), np.full(len(B), 0.1)),
}


def rows(columns, separator=",", style="{:.9g}", comma=False):
    lines = []
    for row in zip(*columns, strict=True):
        cells = [cell if isinstance(cell, str) else style.format(cell) for cell in row]
        line = [cell.replace(".", ",") if comma else cell for cell in cells]
        lines.append(separator.join(line))
    return "\n".join(lines)


def composed(seed):
    """A file of random headings, units, order, separators, decimal sign, encoding and preamble."""
    pick = random.Random(seed)
    separator = pick.choice([",", ";", "\t", "; ", " "])
    comma = separator != "," and pick.random() < 0.3
    field, resistance = pick.choice(list(FIELDS)), pick.choice(list(RESISTANCES))
    value = pick.choice(RESISTANCE_NAMES).format(resistance)
    columns = [
        [(pick.choice(FIELD_NAMES).format(field), B / FIELDS[field])],
        [(value, R / RESISTANCES[resistance])],
    ]
    sigma = None
    for name in pick.sample(list(OTHERS), pick.randint(0, 3)):
        names, numbers = OTHERS[name]
        if name == "error":  # belongs to the column before it
            sigma = S
            columns[1].append((pick.choice(names), S / RESISTANCES[resistance]))
        else:
            columns.append([(pick.choice(names), numbers)])
    pick.shuffle(columns)
    headings, numbers = zip(*[column for group in columns for column in group], strict=True)
    if separator == " ":
        headings = [name.replace(" ", "") for name in headings]
    body = rows(numbers, separator, pick.choice(STYLES), comma)
    text = pick.choice(PREAMBLES) + separator.join(headings) + "\n" + body
    text += pick.choice(["", "\n", "\n\n"])
    encoding = pick.choice(["utf-8", "utf-8-sig", "utf-16"])
    return text.replace("\n", pick.choice(["\n", "\r\n"])).encode(encoding), sigma


@pytest.mark.parametrize("block", range(10))
def test_composed_files(tmp_path, block):
    """Thirty files each: every one is right."""
    for seed in range(30 * block, 30 * block + 30):
        data, sigma = composed(seed)
        path = tmp_path / f"{seed}.dat"
        path.write_bytes(data)
        (curve,) = of.read_data(path, **X)
        assert curve.quantity == "R", seed
        assert np.allclose(curve.fields, np.outer(B, [1, 0, 0]), rtol=1e-7, atol=1e-12), seed
        assert np.allclose(curve.values, R, rtol=1e-7), seed
        assert (curve.sigma is None) == (sigma is None), seed
        assert sigma is None or np.allclose(curve.sigma, sigma, rtol=1e-7), seed


#: {name: (headings, columns, options, [(quantity, values), ...])}
RIGHT = {
    "the same as a resistivity in ohm": (
        "Magnetic Field (Oe),Bridge 1 Resistivity (Ohm),Bridge 2 Resistivity (Ohm),"
        "Bridge 1 Resistance (Ohms),Bridge 2 Resistance (Ohms)",
        [1e4 * B, R, 2 * R, R, 2 * R],
        X,
        [("R", R), ("R", 2 * R)],
    ),
    "units behind an underscore": ("H_Oe,R_kOhm", [1e4 * B, R / 1e3], X, [("R", R)]),
    "a gate that is no field": ("B_T,V_G,R_Ohm", [B, 0 * B + 40.0, R], X, [("R", R)]),
    "current that changes its sign": (
        "B (T),V (uV),I (uA)",
        [B, 2 * R * (-1.0) ** np.arange(17), 2 * (-1.0) ** np.arange(17)],
        X,
        [("R", R)],
    ),
    "a setpoint beside the field": (
        "Set Field (T),B (T),R (Ohm)",
        [B.round(), B, R],
        X,
        [("R", R)],
    ),
    "gate and series resistor": (
        "B (T),R (Ohm),R_series (Ohm),Gate Voltage (V)",
        [B, R, 0 * B + 1e6, 0 * B],
        X,
        [("R", R)],
    ),
    "other temperatures and currents": (
        "Rxx (ohm),Rxy (ohm),EM Current (percentage),Vxx (mV),Magnetic Field (T),Time stamp,"
        "T sample (K),T valve (k),DC current (mA),angle (°)",
        [R, R + 3, B, R, B, np.arange(17), K, K + 1, 0 * B + 1, 0 * B + 45],
        X,
        [("R", R), ("R", R + 3)],
    ),
    "percent": ("B (T),MR (%)", [B, R], X, [("ratio", R / 100)]),
    "a Greek delta": ("B (T),ΔR (mΩ)", [B, R], X, [("hanle", R * 1e-3)]),
    "an index of pandas": (",B (T),R (Ohm)", [np.arange(17), B, R], X, [("R", R)]),
    "the error of the field": ("B (T),STD,R (Ohm)", [B, 0 * B + 1e-4, R], X, [("R", R)]),
    "lock-in phase that stands": (
        "B (T),R (Ohm),Theta (deg)",
        [B, R, 0 * B + 0.3],
        X,
        [("R", R)],
    ),
}


@pytest.mark.parametrize("name", RIGHT)
def test_files_by_hand(tmp_path, name):
    headings, columns, options, expected = RIGHT[name]
    path = tmp_path / "log.csv"
    path.write_text(headings + "\n" + rows(columns) + "\n", encoding="utf-8")
    found = of.read_data(path, **options)
    assert [c.quantity for c in found] == [quantity for quantity, _ in expected]
    for curve, (_, values) in zip(found, expected, strict=True):
        assert np.allclose(curve.fields, np.outer(B, [1, 0, 0]), rtol=1e-7, atol=1e-12)
        assert np.allclose(curve.values, values, rtol=1e-7)
        assert curve.sigma is None


#: {heading: what the refusal has to say}
REFUSED = {
    "B (T),X (V),Y (V),R (V)": "not a unit of resistance",
    "B (T),V (uV)": "needs the current",
    "B (T),MR": "no unit",
    "B (T),R/R0": "columns=",
    "B (T),rho/rho0": "columns=",
    "B (T),Rs (Ohm/sq)": "columns=",
    "B (T),R (Ohm/sq)": "quantity='ratio'",
    "B (T),Rxx (h/e^2)": "not a unit of resistance",
    "B (T),R": "no unit",
    "B,R (Ohm)": "no unit",
    "T (T),R (Ohm)": "columns=",
    "B (T),H (Oe),R (Ohm)": "columns=",
    "B (MT),R (Ohm)": "not a unit of magnetic field",
    "H (MA/m),R (Ohm)": "not a unit of magnetic field",
    "Magnet Current (A),R (Ohm)": "columns=",
    "B (T),Magnet Current (A),V (V)": "columns=",
    "B (T),R (Ohm),dR (Ohm)": "quantity=",
    "B (T),R (Ohm),R_err (%)": "not a unit of resistance",
    "Field up (Oe),R up (Ohm),Field down (Oe),R down (Ohm)": "columns=",
    "B (T),R (Ohm),B (T),R (Ohm)": "two columns are called",
    "B (T),R_2pt (Ohm),R_4pt (Ohm)": "columns=",
    "Position (deg),B (T),R (Ohm)": "plane=",
}


@pytest.mark.parametrize("heading", REFUSED)
def test_headings_that_leave_it_open_are_refused(tmp_path, heading):
    path = tmp_path / "log.csv"
    columns = [B + k for k in range(heading.count(",") + 1)]
    path.write_text(heading + "\n" + rows(columns) + "\n", encoding="utf-8")
    with pytest.raises(InputError, match=REFUSED[heading]) as caught:
        of.read_data(path, **X)
    assert len(str(caught.value)) <= 300 and "\n" not in str(caught.value)


def test_a_sentence_with_by_is_no_heading(tmp_path):
    """ "by" is a component of the field, but there are no five columns below it."""
    path = tmp_path / "log.dat"
    path.write_text("; file made by logger\nB (T),R (Ohm),index\n" + rows([B, R, K]) + "\n")
    (curve,) = of.read_data(path, **X)
    assert np.allclose(curve.values, R)


@pytest.mark.parametrize("comma", [False, True])
@pytest.mark.parametrize("preamble", ["", "# µ-metal shield\n"])
def test_large_files_are_read_as_small_ones(tmp_path, monkeypatch, preamble, comma):
    """The quick way through the file itself gives the numbers of the careful one."""
    from ohmr_fem.fitting import read

    columns = [np.linspace(-9, 9, 400), np.linspace(100, 101, 400) ** 2, np.full(400, 10.0)]
    text = preamble + "B (T);R (Ohm);T (K)\n" + rows(columns, ";", "{:.9g}", comma) + "\n"
    found = []
    for large in (10**9, 1):
        monkeypatch.setattr(read, "LARGE", large)
        for k, ending in enumerate(("", "# end\n", "\n\n", "nan;1;1\n")):
            path = tmp_path / f"{k}.csv"
            path.write_bytes((text + ending).replace("\n", "\r\n").encode("utf-8"))
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # a row without a field is left out
                (curve,) = of.read_data(path, **X, nan="drop")
            found.append(curve)
    for careful, quick in zip(found[:4], found[4:], strict=True):
        assert np.array_equal(careful.fields, quick.fields)
        assert np.array_equal(careful.values, quick.values)
        assert careful.temperature == quick.temperature == 10.0
        assert len(careful.values) == 400
