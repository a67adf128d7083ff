"""What a saved fit must hold to be used: kinds of its fields, sizes of its arrays."""

from __future__ import annotations

import functools
import numbers
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..files import check_shapes
from ..fitting.fisher import Identifiability
from ..fitting.global_result import GlobalFit
from ..fitting.result import Fit, FittedCurve


@functools.cache
def _hints(kind: type) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def check_fields(
    kind: type,
    fields: Mapping[str, Any],
) -> None:
    """ValueError for a field that is not of the kind that its class says."""
    hints = _hints(kind)
    for name, value in fields.items():
        if name not in hints or not _is_of(hints[name], value):
            raise ValueError(f"{kind.__name__}: {name} cannot be {str(value)[:40]!r}")


def _is_tuple(
    value: Any,
    each: tuple[Any, ...],
) -> bool:
    if not isinstance(value, tuple):
        return False
    if each[-1] is Ellipsis:
        return all(_is_of(each[0], v) for v in value)
    return len(value) == len(each) and all(map(_is_of, each, value))


def _is_map(
    value: Any,
    each: tuple[Any, ...],
) -> bool:
    if not isinstance(value, Mapping):
        return False
    key, entry = each
    return all(_is_of(key, k) and _is_of(entry, v) for k, v in value.items())


#: By the origin of a hint: tuple[float, ...], Mapping[str, float].
_NESTS: dict[Any, Callable[[Any, tuple[Any, ...]], bool]] = {
    tuple: _is_tuple,
    typing.get_origin(Mapping[str, int]): _is_map,
}


def _is_of(
    hint: Any,
    value: Any,
) -> bool:
    origin, each = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return True
    if origin in (typing.Union, types.UnionType):
        return any(_is_of(one, value) for one in each)
    if origin in _NESTS:
        return _NESTS[origin](value, each)
    if hint in (float, int):
        wanted = numbers.Real if hint is float else numbers.Integral
        return isinstance(value, wanted) and not isinstance(value, bool)
    if hint is np.ndarray:
        return isinstance(value, np.ndarray) and value.dtype.kind in "fiub"
    return isinstance(value, hint)


def check_fit(fit: Fit | GlobalFit) -> None:
    """ValueError for parts that do not belong together, or of which no table can be made."""
    if isinstance(fit, GlobalFit) and not fit.samples:
        raise ValueError("there are no samples")
    if not fit.curves:
        raise ValueError("there are no curves")
    square = (len(fit.parameters),) * 2
    matrices = ["correlation"]
    if isinstance(fit, GlobalFit):
        matrices.append("covariance")
    check_shapes(vars(fit), dict.fromkeys(matrices, square))
    for known in (fit.identifiability, fit.before):
        _check_identifiability(known)
    for curve in fit.curves:
        _check_curve(curve)
    str(fit), repr(fit), fit.columns()


def _check_identifiability(known: Identifiability) -> None:
    count, directions = len(known.names), len(known.eigenerrors)
    square = (directions, directions)
    check_shapes(vars(known), {"errors": (count,), "eigenvectors": square})
    if len(known.symbols) != count:
        raise ValueError(f"{len(known.symbols)} symbols of {count} parameters")


def _check_curve(curve: FittedCurve) -> None:
    rows = (len(curve.data.values),)
    check_shapes(vars(curve), dict.fromkeys(("model", "background", "noise"), rows))
    if curve.strip is not None:
        check_shapes(vars(curve), {"strip": rows})
