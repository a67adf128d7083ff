"""A data file as fields, values and what else was logged: which column means what."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError, suggest
from ..units import fields_array, to_si
from .headings import ERROR, KINDS, UNITS, Heading, factor, spelled
from .read import read_sheet
from .sheet import Sheet

#: What a column may hold.
KEYS = (
    *("B", "Bx", "By", "Bz", "angle"),
    *("R", "hanle", "ratio", "V", "I", "sigma"),
    *("temperature", "time"),
)
VALUES = ("R", "hanle", "ratio")
#: An angle column that moves by more than this, rad, is no constant position.
TURNED = np.radians(2.0)


@dataclass(frozen=True)
class Found:
    """One column that is used: its place, its heading, its unit where the heading has none."""

    index: int
    heading: Heading
    unit: str | None


@dataclass(frozen=True)
class Channel:
    """One measured quantity: values and sigma (n,) in ohm, ohm m or 1; ``relative`` ones are still
    to be divided by their value at the smallest field.
    """

    name: str
    kind: str
    values: np.ndarray
    sigma: np.ndarray | None
    relative: bool = False


@dataclass(frozen=True)
class Log:
    """What a file holds, row by row, in SI; ``elsewhere`` are the rows (n,) in which a column of
    values that was not asked for has one: instruments measure their channels in turn.  ``turned``
    says that a column gives the angle of the field.
    """

    path: Path
    lines: np.ndarray
    fields: np.ndarray
    channels: list[Channel]
    elsewhere: np.ndarray
    labels: np.ndarray
    temperature: np.ndarray | None
    time: np.ndarray | None
    used: dict[str, list[Found]]
    turned: bool = False

    @property
    def temperature_column(self) -> str:
        """File and column of the temperature, for messages."""
        found = self.used.get("temperature")
        return f"{self.path}: column {found[0].heading.name!r}" if found else str(self.path)


def read_log(
    path: Path,
    columns: Mapping[str, Any] | None,
    field: Any,
    plane: str | None,
    quantity: str | None,
    direction: Any,
    decimal: str | None,
) -> Log:
    """As :func:`ohmr_fem.read_data` says, before the rows are sorted into curves."""
    given = _given(columns)
    if quantity is not None and quantity not in VALUES:
        raise InputError(
            f"{quantity!r} is not known; {suggest(quantity, VALUES)}",
            value=quantity,
            key="quantity",
        )

    def wanted(headings: Sequence[Heading]) -> bool:
        texts = {h.text for h in headings} | {h.name for h in headings}
        asked = {name for names in given.values() for name, _ in names if name}
        if asked:
            return bool(asked & texts)
        return any(h.means(key) for h in headings for key in ("B", "Bx", "By", "Bz"))

    pick = _Picker(read_sheet(path, wanted, decimal), given, {})
    fields = pick.fields(direction, plane, field)
    channels = pick.channels(quantity)
    labels = pick.labels()
    temperature, time = pick.temperature(), pick.time()
    sheet = pick.sheet
    return Log(
        path,
        sheet.lines,
        fields,
        channels,
        pick.elsewhere(),
        labels,
        temperature,
        time,
        pick.used,
        plane is not None,
    )


def _given(columns: Mapping[str, Any] | None) -> dict[str, list[tuple[str, str | None]]]:
    """{key: [(heading, unit or None)]}; an empty list where a column is to be left out."""
    if columns is None:
        return {}
    if not isinstance(columns, Mapping):
        raise InputError(
            f"expected a table such as {{'B': 'Field (Oe)'}}, got {columns!r}",
            value=columns,
            key="columns",
        )
    out = {}
    for key, value in columns.items():
        if key not in KEYS:
            raise InputError(
                f"{key!r} is not known; {suggest(key, KEYS)}", value=key, key="columns"
            )
        several = value if isinstance(value, list) else [] if value is None else [value]
        out[key] = [_one_given(key, one) for one in several]
    return out


def _one_given(
    key: str,
    value: Any,
) -> tuple[str, str | None]:
    if isinstance(value, str):
        return value.strip(), None
    if isinstance(value, tuple) and len(value) == 2 and all(isinstance(v, str) for v in value):
        if key == "sigma" and not value[0].strip():
            raise InputError("sigma: a unit needs its heading", value=value, key="columns")
        return value[0].strip(), value[1]
    raise InputError(
        f"{key}: expected a heading, or (heading, unit), got {value!r}", value=value, key="columns"
    )


@dataclass
class _Picker:
    """Chooses the columns of a sheet, and keeps which it used."""

    sheet: Sheet
    given: dict[str, list[tuple[str, str | None]]]
    used: dict[str, list[Found]]

    @property
    def path(self) -> Path:
        return self.sheet.path

    def find(self, key: str) -> list[Found]:
        """The columns that hold ``key``: the given ones, or those whose heading says so."""
        if key in self.given:
            return [one for name, unit in self.given[key] for one in self._asked(key, name, unit)]
        return self._meant(key)

    def _asked(
        self,
        key: str,
        name: str,
        unit: str | None,
    ) -> list[Found]:
        """A column by its heading; by what its heading means where only a unit is given."""
        if name or unit is None:
            return [self._named(name, unit)]
        return [replace(found, unit=unit) for found in self._meant(key)]

    def _meant(self, key: str) -> list[Found]:
        """The columns whose heading says that they hold ``key``."""
        headings = self.sheet.headings
        found = [Found(i, h, h.unit) for i, h in enumerate(headings) if h.means(key)]
        if len(found) > 1:  # instruments write the columns of what they do not measure empty
            found = [f for f in found if not self.sheet.is_empty(f.index)] or found[:1]
        names = [f.heading.text for f in found]
        twice = next((n for n in names if names.count(n) > 1), None)
        if twice is not None:
            name = next(f.heading.name for f in found if f.heading.text == twice)
            raise InputError(
                f"{self.path}: two columns are called {name!r}; rename one", value=name
            )
        return found

    def one(self, key: str) -> Found | None:
        """The column that holds ``key``, or None; refused where there are several."""
        found = self.find(key)
        if len(found) > 1:
            first, second = (f.heading.text for f in found[:2])
            raise InputError(
                f"{self.path}: both {first!r} and {second!r} could be {key}; say which with "
                f"columns={{{key!r}: {first!r}}}",
                value=first,
                key="columns",
                named=True,
            )
        if found:
            self.used[key] = found
        return found[0] if found else None

    def _named(
        self,
        name: str,
        unit: str | None,
    ) -> Found:
        headings = list(enumerate(self.sheet.headings))
        for same in (
            lambda h: h.text == name,
            lambda h: h.name == name,
            lambda h: h.text.lower() == name.lower() or h.name.lower() == name.lower(),
        ):
            found = [(i, h) for i, h in headings if same(h)]
            if len(found) > 1:
                raise InputError(
                    f"{self.path}: two columns are called {name!r}; rename one", value=name
                )
            if found:
                index, heading = found[0]
                return Found(index, heading, unit if unit is not None else heading.unit)
        names = [h.text for _, h in headings]
        hint = suggest(name, names)
        hint = hint.split("?")[0] + "?" if hint.startswith("did") else f"it has {self.sheet.shown}"
        raise InputError(
            f"{self.path}: has no column {name!r}; {hint}", value=name, key="columns", named=True
        )

    def si(
        self,
        found: Found,
        kind: str,
        unit: str | None = None,
    ) -> np.ndarray:
        """A column in SI, (n,); empty cells are nan."""
        own = found.unit if found.unit is not None else unit
        key = self._key_of(found, kind)
        scale = factor(str(self.path), found.heading, own, kind, key)
        return self.sheet.numbers(found.index) * scale

    def _key_of(
        self,
        found: Found,
        kind: str,
    ) -> str:
        """What a column holds, in the words of ``columns``."""
        of_kind = [key for key, own in KINDS.items() if own == kind]
        return next((key for key in of_kind if found.heading.means(key)), [*of_kind, "R"][0])

    # fields

    def fields(
        self,
        direction: Any,
        plane: str | None,
        field: Any,
    ) -> np.ndarray:
        """Fields of every row, (n, 3) T."""
        if not {"B", "angle"} & set(self.given):
            parts = {axis: self.one(f"B{axis}") for axis in "xyz"}
            if any(parts.values()):
                return self._vector(parts, field, direction)
        elif {"Bx", "By", "Bz"} & set(self.given):
            raise InputError("give B, or Bx, By and Bz, not both", key="columns")
        size = self._size(field)
        angle = self.one("angle") if plane is not None or "angle" in self.given else None
        if angle is None and field is not None and direction is None:
            angle = self._angle_alone()
        if plane is not None:
            return size[:, None] * self._turned(angle, plane)
        if angle is not None:
            raise InputError(
                f"{self.path}: the angle in {angle.heading.name!r} lies in which plane? give "
                "plane='xy' (--plane xy): from x to y",
                key="plane",
                named=True,
            )
        unit = self._direction(direction)
        self._stands_still()
        return np.outer(size, unit)

    def _vector(
        self,
        parts: Mapping[str, Found | None],
        field: Any,
        direction: Any,
    ) -> np.ndarray:
        if direction is not None:
            raise InputError(
                f"{self.path}: has the components of the field as columns; leave direction out",
                key="direction",
                named=True,
            )
        if field is not None:
            raise InputError(
                f"{self.path}: has columns of the field itself; leave field out",
                key="field",
                named=True,
            )
        out = np.zeros((len(self.sheet.lines), 3))
        for axis, found in parts.items():
            if found is not None:
                out[:, "xyz".index(axis)] = self.si(found, "magnetic field")
        return out

    def _size(self, field: Any) -> np.ndarray:
        """The field with its sign, (n,) T."""
        found = self.one("B")
        if field is not None:
            if found is not None:
                raise InputError(
                    f"{self.path}: {found.heading.name!r} holds the field of each row; leave field "
                    "out, or give columns={'B': None}",
                    key="field",
                    named=True,
                )
            return np.full(len(self.sheet.lines), _field(field))
        if found is not None:
            return self.si(found, "magnetic field")
        turned = self._angle_alone()
        if turned is not None:
            raise InputError(
                f"{self.path}: {turned.heading.text!r} is an angle of which field? give plane='xy' "
                "and field='9 T' (--plane xy --field '9 T'), or a column 'B [T]'",
                key="field",
                named=True,
            )
        raise InputError(
            f"{self.path}: no field column among {self.sheet.shown}; call it 'B [T]', or 'Bx [T]', "
            "'By [T]', 'Bz [T]', or say columns={'B': HEADING}",
            key="columns",
            named=True,
        )

    def _angle_alone(self) -> Found | None:
        """The angle of a scan in a file without a field."""
        if "angle" not in self.given and self.given.get("B"):
            return None
        numeric = [f for f in self.find("angle") if self.sheet.is_numeric(f.index)]
        return numeric[0] if numeric else None

    def _turned(
        self,
        angle: Found | None,
        plane: str,
    ) -> np.ndarray:
        if len(plane) != 2 or set(plane) - set("xyz") or plane[0] == plane[1]:
            raise InputError(
                f"expected two of the axes x, y, z such as 'xy', got {plane!r}",
                value=plane,
                key="plane",
            )
        if angle is None:
            raise InputError(
                f"{self.path}: no angle column among {self.sheet.shown}; say "
                "columns={'angle': (HEADING, 'deg')}",
                key="columns",
                named=True,
            )
        radians = self.si(angle, "angle")
        out = np.zeros((len(radians), 3))
        out[:, "xyz".index(plane[0])] = np.cos(radians)
        out[:, "xyz".index(plane[1])] = np.sin(radians)
        return np.where(np.abs(out) < 1e-15, 0.0, out)  # cos 90 deg is 6e-17

    def _direction(self, direction: Any) -> np.ndarray:
        if direction is None:
            name = self.used["B"][0].heading.name if "B" in self.used else "field"
            raise InputError(
                f"{self.path}: column {name!r} needs a direction: give direction='x' (--direction "
                "x; or 'y', 'z', a vector), or write the components as columns 'Bx', 'By', 'Bz'",
                key="direction",
                named=True,
            )
        axes = {"x": (1, 0, 0), "y": (0, 1, 0), "z": (0, 0, 1)}
        vector = fields_array(
            axes.get(direction, direction) if isinstance(direction, str) else direction, "direction"
        )
        if vector.shape != (3,) or not np.any(vector):
            raise InputError(
                f"expected 'x', 'y', 'z' or a vector of three numbers, got {direction!r}",
                value=direction,
                key="direction",
            )
        return np.asarray(vector / np.linalg.norm(vector))

    def _stands_still(self) -> None:
        """One direction cannot be that of a sample that was turned."""
        for found in self.find("angle"):
            if not self.sheet.is_numeric(found.index):
                continue
            angles = self.si(found, "angle")
            if np.nanmax(angles, initial=-np.inf) - np.nanmin(angles, initial=np.inf) > TURNED:
                low, high = np.degrees([np.nanmin(angles), np.nanmax(angles)])
                raise InputError(
                    f"{self.path}: {found.heading.name!r} turns from {low:.4g} to {high:.4g} deg, "
                    "so one direction does not hold; give plane='xy' (from x to y), or "
                    "columns={'angle': None} if it is no angle of the field",
                    key="plane",
                    named=True,
                )

    # values

    def channels(self, quantity: str | None) -> list[Channel]:
        """What was measured; several columns of one quantity are several channels."""
        chosen = {key for key in (*VALUES, "V") if self.given.get(key)}
        found = {
            key: self.find(key) if key in chosen or not chosen else [] for key in (*VALUES, "V")
        }
        bulk = [f for f in found["R"] if _is(f, "resistivity")]
        found["R"] = [f for f in found["R"] if f not in bulk]
        if "R" not in chosen:  # a resistivity in ohm beside its resistance is the same again
            called = [f for f in found["R"] if not f.heading.is_resistivity()]
            found["R"] = called or found["R"]
        if found["V"] and not found["R"] and not bulk and quantity in (None, "R"):
            return self._over_current(found["V"])
        if bulk and not found["ratio"] and quantity == "ratio":
            self.used["ratio"] = bulk
            return [self._channel("ratio", f, "resistivity", len(bulk)) for f in bulk]
        if quantity == "ratio" and not found["ratio"] and (found["R"] or found["V"]):
            return self._relative(found)
        kind = quantity or self._only_kind(found, bulk)
        if not found[kind]:
            if kind == "R" and bulk:
                raise self._no_resistance(bulk[0])
            raise InputError(
                f"{self.path}: has no column for {kind!r}, only {self.sheet.shown}",
                value=kind,
                key="quantity",
                named=True,
            )
        self.used[kind] = found[kind]
        return [self._channel(kind, f, KINDS[kind], len(found[kind])) for f in found[kind]]

    def _relative(self, found: Mapping[str, list[Found]]) -> list[Channel]:
        """Resistances as what they change by, relative to the smallest field."""
        if not found["R"]:
            whole = self._over_current(found["V"])
        else:
            self.used["R"] = found["R"]
            whole = [self._channel("R", f, KINDS["R"], len(found["R"])) for f in found["R"]]
        return [replace(channel, kind="ratio", relative=True) for channel in whole]

    def elsewhere(self) -> np.ndarray:
        """Rows in which another column of the quantity that is read has a value, (n,) bool."""
        out = np.zeros(len(self.sheet.lines), dtype=bool)
        used = {f.index for found in self.used.values() for f in found}
        keys = [key for key in (*VALUES, "V") if key in self.used]
        for i, heading in enumerate(self.sheet.headings):
            other = i not in used and any(heading.means(key) for key in keys)
            if other and self.sheet.is_numeric(i):
                out |= np.isfinite(self.sheet.numbers(i))
        return out

    def _only_kind(
        self,
        found: Mapping[str, list[Found]],
        bulk: list[Found],
    ) -> str:
        kinds = [key for key in VALUES if found[key]]
        if not kinds and bulk:
            raise self._no_resistance(bulk[0])
        if not kinds:
            raise InputError(
                f"{self.path}: no measured column among {self.sheet.shown}; call it 'R [ohm]', "
                "'hanle [ohm]' (R(B) - R(0)), 'MR [%]', or 'V [uV]' with 'I [mA]', or say "
                "columns={'R': HEADING}",
                key="columns",
                named=True,
            )
        if len(kinds) > 1:
            raise InputError(
                f"{self.path}: holds {', '.join(kinds)}; choose with quantity={kinds[0]!r} "
                f"(--quantity {kinds[0]})",
                key="quantity",
                named=True,
            )
        return kinds[0]

    def _no_resistance(self, found: Found) -> InputError:
        others = [h.text for h in self.sheet.headings if h.has("resistance") and not h.is_error()]
        other = f", or take columns={{'R': {others[0]!r}}}" if others else ""
        return InputError(
            f"{self.path}: {found.heading.text!r} is a resistivity, no resistance; read its "
            f"relative change with quantity='ratio' (--quantity ratio){other}",
            value=found.heading.text,
            key="quantity",
            named=True,
        )

    def _channel(
        self,
        kind: str,
        found: Found,
        what: str,
        count: int,
    ) -> Channel:
        values = self.si(found, what)
        name = found.heading.name if count > 1 else ""
        return Channel(name, kind, values, self._error(found, what), what == "resistivity")

    def _over_current(self, voltages: list[Found]) -> list[Channel]:
        source = self.one("I")
        if source is None:
            raise InputError(
                f"{self.path}: a voltage needs the current that drives it; add a column 'I [A]' "
                "or say columns={'I': HEADING}, or give 'R [ohm]'",
                key="columns",
                named=True,
            )
        current = self.si(source, "current")
        if np.any(current == 0.0):
            line = self.sheet.lines[int(np.flatnonzero(current == 0.0)[0])]
            raise InputError(
                f"{self.path}, line {line}: the current in {source.heading.name!r} is zero; no "
                "resistance follows from it"
            )
        own = self._error(source, "current")
        self.used["V"] = voltages
        out = []
        for found in voltages:
            values = self.si(found, "voltage") / current
            error = self._error(found, "voltage")
            sigma = None
            if error is not None:  # both errors, added as independent
                sigma = np.hypot(error, values * (0.0 if own is None else own)) / np.abs(current)
            elif own is not None:
                sigma = np.abs(values * own / current)
            out.append(Channel(found.heading.name if len(voltages) > 1 else "", "R", values, sigma))
        return out

    def _error(
        self,
        found: Found,
        what: str,
    ) -> np.ndarray | None:
        """One standard deviation of a column, or None."""
        if self.given.get("sigma") and what != "current":
            column = self.one("sigma")
        elif "sigma" in self.given:
            return None
        else:
            column = self._error_column(found, what)
        if column is None or self.sheet.is_empty(column.index):
            return None
        self.used.setdefault("sigma", [])
        if column not in self.used["sigma"]:
            self.used["sigma"].append(column)
        # an error without a unit is in that of its values
        return self.si(column, what, found.unit)

    def _error_column(
        self,
        found: Found,
        what: str,
    ) -> Found | None:
        headings = self.sheet.headings
        plain = found.heading.plain
        named = {plain + ending for ending in ERROR}
        for i, heading in enumerate(headings):
            if heading.plain in named:
                return Found(i, heading, heading.unit)
        after = found.index + 1
        if after < len(headings) and headings[after].is_error():
            return Found(after, headings[after], headings[after].unit)
        for i, heading in enumerate(headings):  # "Res. Std.Dev. ch1" is of "Res. ch1"
            rest = re.sub("stddev|stdev|stderr", "", heading.plain)
            channel = re.fullmatch(r"(?:bridge|ch)\d+", rest) and plain.startswith(rest)
            fits = heading.unit is None or spelled(heading.unit) in UNITS[what]
            if rest != heading.plain and (rest == plain or channel) and fits:
                return Found(i, heading, heading.unit)
        return None

    # what else was logged

    def labels(self) -> np.ndarray:
        """Name of the measurement of each row, (n,)."""
        found = self.one("label")
        if found is None:
            return np.full(len(self.sheet.lines), "")
        return np.array(self.sheet.texts(found.index))

    def temperature(self) -> np.ndarray | None:
        """(n,) K, or None."""
        found = self._logged("temperature")
        if found is None:
            return None
        if spelled(found.unit or "K") in ("degC", "C"):
            return self.sheet.numbers(found.index) + 273.15
        return self.si(found, "temperature", "K")

    def time(self) -> np.ndarray | None:
        """(n,) s, or None."""
        found = self._logged("time")
        return None if found is None else self.si(found, "time", "s")

    def _logged(self, key: str) -> Found | None:
        found = self.one(key)
        if found is None or self.sheet.is_empty(found.index):
            return None
        if key not in self.given and not self.sheet.is_numeric(found.index):
            del self.used[key]  # the clock, in words
            return None
        return found


def _is(
    found: Found,
    kind: str,
) -> bool:
    return found.unit is not None and spelled(found.unit) in UNITS[kind]


def _field(field: Any) -> float:
    """A constant field in T; "90 kOe" too."""
    if isinstance(field, str):
        match = re.fullmatch(r"\s*([-+]?[\d.]+(?:[eE][-+]?\d+)?)\s*(\S.*?)\s*", field)
        if match and spelled(match[2]) in UNITS["magnetic field"]:
            return float(match[1]) * UNITS["magnetic field"][spelled(match[2])]
    return to_si(field, "T", "field")
