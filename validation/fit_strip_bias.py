"""What the formula of the infinite strip makes of data from finite devices.

Noiseless R(B) of three Hall bars, fields along the current and tilted by 45 degrees, fitted on the
device and with Eq. (7) of Sun and Vignale for a strip as wide as the bar.  The device fit must
return the truth; the strip's answers are tabulated as multiples of it.
"""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np

import ohmr_fem as of
from ohmr_fem.fitting.data import Measured
from ohmr_fem.fitting.fit import fit

from .case import Row
from .fit_devices import IRREGULAR, Arm, bar, needs_lmfit

CASE = "strip bias"
ROUTES = {
    "": ("fit", "law: the truth that made the data"),
}
#: Arms and length in widths: slender arms on a long bar, no symmetry, and a short bar with arms
#: half as wide as itself.
DEVICES: dict[str, tuple[dict[str, Arm], float]] = {
    "long bar, slender arms": (
        {
            "t1": (-2.0, 0.1, 0.4, 1),
            "t2": (2.0, 0.1, 0.4, 1),
            "b1": (-2.0, 0.1, 0.4, -1),
            "b2": (2.0, 0.1, 0.4, -1),
        },
        8.0,
    ),
    "irregular bar": (IRREGULAR, 6.0),
    "short bar, wide arms": (
        {
            "t1": (-0.5, 0.5, 0.6, 1),
            "t2": (0.5, 0.5, 0.6, 1),
            "b1": (-0.5, 0.5, 0.6, -1),
            "b2": (0.5, 0.5, 0.6, -1),
        },
        3.0,
    ),
}
NAMES = ("alpha_product", "diffusion_length", "relaxation_time", "theta")


def table(name: str, ratio: float) -> tuple[dict[str, float], dict[str, float]]:
    """{parameter: fitted/true} of the device and of the strip, W/L_m = ``ratio``; the bar is 1 um
    wide.
    """
    arms, length = DEVICES[name]
    true = of.Material(
        sheet_conductivity="1 mS",
        diffusion_length=1e-6 / ratio,
        relaxation_time="2 ps",
        orbital_hall_angle=0.1,
        inverse_mass=[24.4, 24.4, 6.1],
    )
    mesh = bar(arms, length, 1e-6)
    prob = of.Problem(mesh, true, list(mesh.boundaries), order=3)
    pairs = {"current": ("left", "right"), "voltage": ("t1", "t2")}
    measure = of.spectral_measure(prob, **pairs)
    top = 3.0 * true.field_scale / 0.5
    data = []
    for direction in ("x", (1.0, 0.0, 1.0)):
        B = of.field_sweep(-top, top, 101, direction)
        data.append(
            Measured(
                B,
                measure.R_ohmic + measure.delta_R(B),
                "R",
                0.001 * np.abs(measure.hanle(B)).max(),
                **pairs,
            )
        )
    start = of.Material(
        sheet_conductivity="1 mS",
        diffusion_length=1.3e-6 / ratio,
        relaxation_time="1.5 ps",
        orbital_hall_angle=0.13,
        inverse_mass=[24.4, 24.4, 9.0],
    )
    found = fit(data, replace(prob, materials=start), intervals="fisher")
    assert found.strip is not None
    truth = dict(zip(NAMES, (0.01, 1e-6 / ratio, 2e-12, 0.25), strict=True))
    return (
        {n: found.parameters[n].value / truth[n] for n in NAMES},
        {n: found.strip[n] / truth[n] for n in NAMES},
    )


def run(level: str = "quick") -> list[Row]:
    needs_lmfit()
    rows = []
    ratios = (2.0, 6.0) if level == "full" else (6.0,)
    for name, ratio in itertools.product(
        list(DEVICES) if level == "full" else ["irregular bar"], ratios
    ):
        device, strip = table(name, ratio)
        for n in NAMES:
            error = abs(device[n] - 1.0)
            rows.append(
                Row(
                    CASE,
                    "Eq. (7)",
                    f"{name}, W/L_m = {ratio:g}: {n} fitted/true on the device; by the strip "
                    "formula "
                    f"{strip[n]:.3f}",
                    device[n],
                    1.0,
                    error,
                    2e-3,
                )
            )
    return rows
