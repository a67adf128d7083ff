"""Shared by all tests: the validation suite on the path, and how a refusal must look."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE)]  # validation and small_devices


@contextlib.contextmanager
def _refuses(kind: type[Exception], *fragments: str) -> Iterator[Any]:
    with pytest.raises(kind) as caught:
        yield caught
    message = str(caught.value)
    assert type(caught.value) is kind, f"{type(caught.value).__name__}: {message}"
    assert message and "\n" not in message, message
    missing = [f for f in fragments if f not in message]
    assert not missing, f"{missing} not in {message!r}"


@pytest.fixture
def refuses() -> Callable[..., Any]:
    """``with refuses(InputError, "-2", "positive"):`` exactly this class, one line, every fragment
    in it.
    """
    return _refuses


def _hall_bar(
    cells: str = "triangle", step: float = 0.25, length: float = 6.0, width: float = 2.0
) -> Any:
    """A bar 6 x 2 with contacts left, right and four side contacts of length 0.5, on a uniform
    grid.
    """
    import numpy as np

    from ohmr_fem.mesh.grids import tensor_grid

    mesh = tensor_grid(
        np.linspace(-length / 2, length / 2, round(length / step) + 1),
        np.linspace(-width / 2, width / 2, round(width / step) + 1),
        cells=cells,
    )
    names = {
        "left": lambda p: p[0] < -length / 2 + 1e-9,
        "right": lambda p: p[0] > length / 2 - 1e-9,
    }
    for name, side, at in (("t1", 1, -0.75), ("t2", 1, 0.75), ("b1", -1, -0.75), ("b2", -1, 0.75)):
        names[name] = lambda p, side=side, at=at: (
            (side * p[1] > width / 2 - 1e-9) & (abs(p[0] - at) < 0.25)
        )
    return mesh.with_boundaries(names)


@pytest.fixture(scope="session")
def bar() -> Callable[..., Any]:
    """``bar(material=..., order=..., cells=..., step=..., contacts=..., **options)``: a Problem on
    the bar, L_m = 1.
    """
    import ohmr_fem as of
    from validation.case import simple_material

    def make(
        material: Any = None,
        order: int = 2,
        cells: str = "triangle",
        step: float = 0.25,
        contacts: Any = ("left", "right", "t1", "t2", "b1", "b2"),
        **options: Any,
    ) -> Any:
        return of.Problem(
            _hall_bar(cells, step),
            simple_material() if material is None else material,
            contacts,
            order=order,
            **options,
        )

    return make
