"""The exception hierarchy and the form of a message."""

from __future__ import annotations

import pickle

import pytest

from ohmr_fem import errors
from ohmr_fem.errors import (
    InputError,
    MeshError,
    MissingExtraError,
    OhmrError,
    SolveError,
    SweepInterrupted,
)
from ohmr_fem.model.contacts import Contact
from ohmr_fem.units import to_si


@pytest.mark.parametrize(
    "kind, builtin",
    [
        (InputError, ValueError),
        (MeshError, ValueError),
        (SolveError, ArithmeticError),
        (MissingExtraError, ImportError),
    ],
)
def test_one_base_and_the_builtin_a_user_expects(kind, builtin):
    error = kind("why", value=3)
    assert isinstance(error, OhmrError) and isinstance(error, builtin)
    assert str(error) == "why" and error.value == 3
    assert kind("why").value is None


def test_warnings_are_user_warnings():
    for kind in (errors.ResolutionWarning, errors.PhysicsWarning, errors.ConvergenceWarning):
        assert issubclass(kind, UserWarning)


def test_a_message_is_one_line_whatever_is_quoted_in_it():
    assert (
        str(InputError("X: got array([[1, 2],\n       [3, 4]])"))
        == "X: got array([[1, 2], [3, 4]])"
    )


def test_suggest():
    assert (
        errors.suggest("lfet", ["left", "right"]) == "did you mean 'left'? known names: left, right"
    )
    assert errors.suggest("zzz", ["left", "right"]) == "known names: left, right"
    known = ["material.theta", "material.orbital_hall_angle"]
    assert errors.suggest("material.alpha", known).startswith("alpha is 'material.orbital_hall_an")
    assert errors.suggest("tau", ["tau", "relaxation_time"]) == "did you mean 'tau'? " + (
        "known names: tau, relaxation_time"
    )
    assert errors.suggest("x", []) == "known names: none"
    assert "did you mean '1'" in errors.suggest(1, ["1"])


def test_require_extra(refuses):
    assert errors.require_extra("math", "view", "drawing").pi > 3
    with refuses(
        MissingExtraError, "drawing", "no_such_module", "pip install 'ohmr-fem[view]'"
    ) as caught:
        errors.require_extra("no_such_module", "view", "drawing")
    assert caught.value.value == "no_such_module"
    assert isinstance(caught.value.__cause__, ImportError)


def test_interrupted_sweep_is_still_a_keyboard_interrupt():
    stopped = SweepInterrupted([1, 2])
    assert (
        isinstance(stopped, KeyboardInterrupt)
        and stopped.partial == [1, 2]
        and ".partial" in str(stopped)
    )


def test_an_error_carries_the_key_it_is_about():
    with pytest.raises(InputError) as about:
        to_si("2 parsec/s", "s", "relaxation_time")
    assert about.value.key == "relaxation_time" and about.value.what.startswith("'2 parsec/s' has")
    assert str(about.value) == f"relaxation_time: {about.value.what}"
    again = pickle.loads(pickle.dumps(about.value))
    assert (again.key, again.value, str(again)) == (
        "relaxation_time",
        "2 parsec/s",
        str(about.value),
    )
    with pytest.raises(InputError, match=r"^Contact: at: cannot read") as about:
        Contact("point", at=("here", 0.0))
    assert (about.value.owner, about.value.key) == ("Contact", "at")
    with pytest.raises(InputError, match=r"^Contact: unknown kind") as about:
        Contact("ohmic")
    assert about.value.key == "kind" and about.value.message == about.value.what
