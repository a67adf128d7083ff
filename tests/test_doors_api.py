"""Public functions and classes given nonsense, one argument at a time: one line of our own, or a
result; never a foreign exception, never "a fault of ohmr_fem".

OHMR_FUZZ=all for every value at every argument.
"""

from __future__ import annotations

import os
import random
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

from ohmr_fem.errors import FaultError, InputError, OhmrError, doors
from tests import api_calls

plt = pytest.importorskip("matplotlib.pyplot")


class Mute:
    """Has no repr and no str."""

    def __repr__(self) -> str:
        raise RuntimeError("no repr")


NASTY = {
    "huge": 10**400,
    "nan": float("nan"),
    "inf": float("inf"),
    "none": None,
    "nested": [[1, [2, [3]]]],
    "escape": "\x1b[2J\x00",
    "long": "x" * 100_000,
    "objects": np.array([None, {}], object),
    "generator": None,
    "bytes": b"\xff",
    "true": True,
    "empty": "",
    "list": [],
    "dict": {},
    "set": {1},
    "object": object(),
    "minus": -1,
    "zero": 0,
    "complex": 1j,
    "tiny": 1e-320,
    "big": 1e308,
    "texts": np.array(["a", "b"]),
    "type": int,
    "ellipsis": ...,
    "fields": np.ones((2, 7)),
    "mapping": {"x": None, 3: []},
    "surrogate": "\udcff",
    "module": sys,
    "pair": (None, None),
    "nans": np.full((2, 3), np.nan),
    "function": lambda *_: None,
    "mute": Mute(),
}
#: At each argument, by chance; all of them take minutes.
FEW = 4


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # a name that is a path is written here
    yield
    plt.close("all")


def _outcome(function, arguments) -> str:
    """ "" where the call gives a result or one line of our own."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            function(**arguments)
    except FaultError as exc:
        return f"a fault: {exc}"
    except OhmrError as exc:
        lines = str(exc).split("\n")
        fit = all(len(line) <= 300 and line.isprintable() for line in lines)
        return "" if fit else f"not fit to print: {exc!s:.300}"
    except Exception as exc:
        return f"foreign: {type(exc).__name__}"
    return ""


def _spoiled(name, function, arguments) -> None:
    chance = random.Random(name)
    every = os.environ.get("OHMR_FUZZ") == "all"
    for key in arguments:
        for label in NASTY if every else chance.sample(list(NASTY), FEW):
            value = (x for x in "ab") if label == "generator" else NASTY[label]
            found = _outcome(function, {**arguments, key: value})
            assert found == "", f"{name}({key}={label}): {found}"


@pytest.mark.parametrize("name", api_calls.constructors())
def test_a_class_or_a_maker_of_devices(name):
    function, arguments = api_calls.constructors()[name]
    function(**arguments)
    _spoiled(name, function, arguments)


def test_the_argument_is_named():
    @doors.door
    def doubled(width: float, mesh: Path | None = None, **more: object) -> float:
        return sum(more.values(), width * 2.0) / len(mesh or "x")

    assert doubled(1.0) == 2.0
    for arguments, said in (
        ({"width": 10**400}, "doubled: width: cannot be used, got 1000"),
        ({"width": 1.0, "mesh": 3}, "doubled: mesh: expected Path or None, got 3"),
        ({"width": 1.0, "depth": {1}}, r"doubled: depth: cannot be used, got \{1\} \(TypeError"),
        ({"width": Mute()}, "doubled: width: expected float, got an object of Mute"),
    ):
        with pytest.raises(InputError, match="^" + said):
            doubled(**arguments)
    with pytest.raises(TypeError):  # no such call: Python says so
        doubled()


def test_a_door_is_no_caller():
    """What warns only where a user calls still sees him through the door."""
    from ohmr_fem.errors import from_outside

    assert doors.door(lambda: from_outside())()
