"""Abaqus .inp files: nodes, elements and sets.

meshio is not used for them: of a set that is given twice it keeps one, and it does not read what
gmsh writes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ..errors import InputError, MeshError, suggest
from ..files import escaped, read_text
from .msh import Block, RawMesh

# Type of Abaqus, and what it is in the words of meshio.
_FAMILIES = (
    (r"(T[23]D|TRUSS|B[23])(2|1|1H)$", ("line", 1, 2)),
    (r"(T[23]D3|B[23]2H?)$", ("line3", 1, 3)),
    (r"(STRI65)$", ("triangle6", 2, 6)),
    (r"(C3D|SC|CSS)\d", ("solid", 3, 0)),
)
_SURFACES = r"(CPS|CPE|CPEG|CAX|CGAX|DC2D|DCAX|DS|S|STRI|M3D|R3D|SFM3D|AC2D|ACAX)(\d+)[A-Z]*$"
_CORNERS = {
    "3": ("triangle", 2, 3),
    "6": ("triangle6", 2, 6),
    "4": ("quad", 2, 4),
    "8": ("quad8", 2, 8),
    "9": ("quad9", 2, 9),
}
MOST_INCLUDED = 8
MOST_MEMBERS = 10_000_000
Card = tuple[str, dict[str, str], list[str]]


def read_inp(path: Path) -> RawMesh:
    """The mesh of a file.

    Cards of one set add up; a set may name other sets, before or after it. A set that is part of
    another one is left out, for an edge carries one name only.
    """
    try:
        return _read(path)
    except (ValueError, OverflowError, MemoryError) as exc:
        if isinstance(exc, (MeshError, InputError)):
            raise
        raise MeshError(
            f"cannot be read as a mesh ({escaped(str(exc))[:100]}); save it again as .inp"
        ) from exc


def _read(path: Path) -> RawMesh:
    nodes: dict[int, int] = {}
    points: list[list[float]] = []
    blocks: dict[str, list[list[int]]] = {}
    dims: dict[str, int] = {}
    place: dict[int, tuple[str, int]] = {}
    sets = _Sets()
    node_sets = _Sets()
    for keyword, options, lines in _cards(path, 0):
        if keyword == "NODE":
            for line in lines:
                tag, *xyz = _split(line)
                nodes[int(tag)] = len(points)
                points.append([float(x) for x in (*xyz, "0", "0")[:3]])
                node_sets.add(options.get("NSET"), [tag], by_elements=True)
        elif keyword == "ELEMENT":
            kind, dims_of, per = _type(options.get("TYPE", ""))
            dims[kind] = dims_of
            rows = blocks.setdefault(kind, [])
            for number, *corners in _elements(lines, per):
                place[number] = (kind, len(rows))
                rows.append(corners)
                sets.add(options.get("ELSET"), [str(number)], by_elements=True)
        elif keyword == "ELSET":
            sets.add(options.get("ELSET"), _members(lines, "GENERATE" in options))
        elif keyword == "NSET":
            node_sets.add(options.get("NSET"), _members(lines, "GENERATE" in options))
    cells = []
    for kind, rows in blocks.items():
        data = _lookup(rows, nodes) if dims[kind] < 3 else np.zeros((len(rows), 1), int)
        cells.append(Block(kind, dims[kind], _ends_first(kind, data, points)))
    if not points:
        raise MeshError("cannot be read as a mesh (it has no *NODE); expected an Abaqus file")
    order = {kind: i for i, kind in enumerate(blocks)}
    cell_sets = {}
    for name, members in sets.resolved().items():
        per_block: list[list[int]] = [[] for _ in cells]
        for number in members:
            if number not in place:
                raise MeshError(
                    f"set {name!r} has element {number}, which is not there", value=name
                )
            kind, row = place[number]
            per_block[order[kind]].append(row)
        cell_sets[name] = [np.unique(np.array(rows, dtype=int)) for rows in per_block]
    point_sets = {}
    for name, members in node_sets.resolved().items():
        known = [nodes[n] for n in members if n in nodes]
        point_sets[name] = np.unique(np.array(known, dtype=int))
    entities = frozenset(sets.names[key] for key in sets.by_elements)
    return RawMesh(
        np.array(points),
        cells,
        cell_sets,
        {},
        point_sets,
        entities,
    )


def _cards(
    path: Path,
    depth: int,
) -> Iterator[Card]:
    """Keyword, options and data lines of each card, those of included files too."""
    if depth > MOST_INCLUDED:
        raise MeshError(f"files include each other more than {MOST_INCLUDED} deep")
    text = read_text(path, "an Abaqus .inp file")
    card: Card | None = None
    begun = ""
    for raw in text.split("\n"):
        line = raw.strip()
        if not line or line.startswith("**"):
            continue
        if begun or line.startswith("*"):
            begun += line
            if line.endswith(","):  # the keyword goes on in the next line
                continue
            if card is not None:
                yield card
            card = _keyword(begun)
            begun = ""
            if card[0] == "INCLUDE":
                yield from _cards(path.parent / card[1].get("INPUT", ""), depth + 1)
                card = None
        elif card is not None:
            card[2].append(line)
    if card is not None:
        yield card


def _keyword(line: str) -> Card:
    word, *rest = line[1:].split(",")
    options = {}
    for option in rest:
        key, _, value = option.partition("=")
        options[key.strip().upper()] = value.strip().strip('"')
    return word.strip().upper(), options, []


def _split(line: str) -> list[str]:
    return [word.strip() for word in line.split(",") if word.strip()]


def _type(name: str) -> tuple[str, int, int]:
    wanted = name.upper()
    for pattern, kind in _FAMILIES:
        if re.match(pattern, wanted):
            return kind
    surface = re.match(_SURFACES, wanted)
    if surface and surface[2] in _CORNERS:
        return _CORNERS[surface[2]]
    raise MeshError(
        f"elements of type {name[:40]!r} are not supported; accepted are plane ones such as CPS3, "
        "CPS4, CPS6, CPS8, S3, S4, and lines such as T3D2",
        value=name,
    )


def _elements(
    lines: list[str],
    per: int,
) -> Iterator[list[int]]:
    """Number and nodes of each element, which may go over several lines."""
    if not per:  # solids: that there are some is all that matters
        for line in lines:
            yield [int(_split(line)[0])]
        return
    numbers = [int(word) for line in lines for word in _split(line)]
    if len(numbers) % (per + 1):
        raise MeshError(
            f"cannot be read as a mesh ({len(numbers)} numbers for elements of {per} nodes); save "
            "it again"
        )
    for start in range(0, len(numbers), per + 1):
        yield numbers[start : start + per + 1]


def _members(
    lines: list[str],
    generate: bool,
) -> list[str]:
    out: list[str] = []
    for line in lines:
        words = _split(line)
        if not generate:
            out += words
            continue
        first, last, *step = (int(word) for word in words)
        by = step[0] if step else 1
        if by < 1 or not 0 <= (last - first) // by < MOST_MEMBERS:
            raise MeshError(f"a set is generated from {first} to {last} by {by}; mend it")
        out += [str(number) for number in range(first, last + 1, by)]
    return out


class _Sets:
    """Sets as they are given; names do not tell upper from lower case."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}
        self.members: dict[str, list[str]] = {}
        self.by_elements: set[str] = set()

    def add(
        self,
        name: str | None,
        members: list[str],
        by_elements: bool = False,
    ) -> None:
        if not name:
            return
        key = name.upper()
        self.names.setdefault(key, name)
        self.members.setdefault(key, []).extend(members)
        if by_elements:
            self.by_elements.add(key)
        else:
            self.by_elements.discard(key)

    def resolved(self) -> dict[str, set[int]]:
        """Numbers in each set that is no part of another."""
        done: dict[str, set[int]] = {}
        parts: set[str] = set()

        def numbers(
            key: str,
            above: tuple[str, ...],
        ) -> set[int]:
            if key in above:
                raise MeshError(f"set {self.names[key]!r} contains itself; remove it from itself")
            if key not in done:
                found: set[int] = set()
                for member in self.members[key]:
                    if member.lstrip("-").isdigit():
                        found.add(int(member))
                        continue
                    inner = member.strip('"').upper()
                    if inner not in self.members:
                        raise MeshError(
                            f"set {self.names[key]!r} has a set {member!r}, which is not there; "
                            f"{suggest(member, self.names.values())}"
                        )
                    parts.add(inner)
                    found |= numbers(inner, (*above, key))
                done[key] = found
            return done[key]

        for key in self.members:
            if len(self.members) > 10_000:
                raise MeshError(f"{len(self.members)} sets are more than 10000")
            numbers(key, ())
        return {
            self.names[key]: found
            for key, found in done.items()
            if key not in parts and not self._is_entity(key, done)
        }

    def _is_entity(
        self,
        key: str,
        done: dict[str, set[int]],
    ) -> bool:
        """gmsh writes each curve and surface as a set, and then the groups of them."""
        if key not in self.by_elements:
            return False
        given = [k for k in done if k not in self.by_elements]
        return any(done[key] & done[k] for k in given)


def _lookup(
    rows: list[list[int]],
    nodes: dict[int, int],
) -> np.ndarray:
    out = []
    for row in rows:
        for node in row:
            if node not in nodes:
                raise MeshError(
                    f"cannot be read as a mesh (an element has node {node}, which is not there)"
                )
        out.append([nodes[node] for node in row])
    return np.array(out, dtype=int)


def _ends_first(
    kind: str,
    data: np.ndarray,
    points: list[list[float]],
) -> np.ndarray:
    """Lines with their node in the middle last: Abaqus has it second, meshio writes it last."""
    if kind != "line3" or not len(data):
        return data
    at = np.array(points)[data]
    gaps = [np.linalg.norm(at[:, i] - at[:, j], axis=1) for i, j in ((1, 2), (0, 2), (0, 1))]
    # the middle is opposite to the longest side
    middle = np.argmax(gaps, axis=0)
    order = np.array([[1, 2, 0], [0, 2, 1], [0, 1, 2]])[middle]
    return np.take_along_axis(data, order, axis=1)
