"""Closed forms against which the solver is judged (docs/theory, section 5).

Dimensionless throughout: lengths in L_m = sqrt(D tau), times in tau, G in D/L_m, and
f = (Delta I/I_0)/(alpha alpha').  A scalar form is a function of the relaxation rate s (1 without
field); :func:`three_scalar_response` turns it into the response to any field and inverse mass
tensor.
"""

from .film import (
    film_isotropic,
    film_matrix,
    film_tensor,
    magnetic_absorption,
    spin_hall_magnetoresistance,
    torque_matrix,
)
from .infinite_strip import nonlocal_narrow, nonlocal_ohmic, nonlocal_strip
from .layers import Layer, LayeredStrip, layered_strip, strip_full, strip_full_profile
from .radial import (
    annulus_profile,
    annulus_response,
    corbino_response,
    wire_circle,
    wire_circle_response,
)
from .scalars import (
    ThreeScalars,
    detection_row,
    scalars_of_precession,
    three_scalar_change,
    three_scalar_response,
    three_scalars,
)
from .strip import (
    FILM_BEST_THICKNESS,
    film_response,
    film_weak_field,
    rho,
    rho_star,
    strip_ac,
    strip_profile,
    strip_response,
    strip_robin,
    strip_switch_on,
    wire_rectangle,
)
from .two_channels import strip_relaxation_tensor, strip_two_channels
from .valve import absorbing_valve, line_to_edges, valve

__all__ = [
    "FILM_BEST_THICKNESS",
    "Layer",
    "LayeredStrip",
    "ThreeScalars",
    "absorbing_valve",
    "annulus_profile",
    "annulus_response",
    "corbino_response",
    "detection_row",
    "film_isotropic",
    "film_matrix",
    "film_response",
    "film_tensor",
    "film_weak_field",
    "layered_strip",
    "line_to_edges",
    "magnetic_absorption",
    "nonlocal_narrow",
    "nonlocal_ohmic",
    "nonlocal_strip",
    "rho",
    "rho_star",
    "scalars_of_precession",
    "spin_hall_magnetoresistance",
    "strip_ac",
    "strip_full",
    "strip_full_profile",
    "strip_profile",
    "strip_relaxation_tensor",
    "strip_response",
    "strip_robin",
    "strip_switch_on",
    "strip_two_channels",
    "three_scalar_change",
    "three_scalar_response",
    "three_scalars",
    "torque_matrix",
    "valve",
    "wire_circle",
    "wire_circle_response",
    "wire_rectangle",
]
