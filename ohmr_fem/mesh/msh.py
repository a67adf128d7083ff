"""Gmsh .msh files, 2.2 and 4.1, ascii and binary.

meshio is not used for them: it drops the entities that a physical group holds reversed, groups
without a name, and refuses partitioned files, nodes with parameters and files of all elements.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from ..errors import MeshError
from ..files import escaped

#: {type in gmsh: (name in meshio, dimension, nodes)}
TYPES = {
    1: ("line", 1, 2),
    2: ("triangle", 2, 3),
    3: ("quad", 2, 4),
    4: ("tetra", 3, 4),
    5: ("hexahedron", 3, 8),
    6: ("wedge", 3, 6),
    7: ("pyramid", 3, 5),
    8: ("line3", 1, 3),
    9: ("triangle6", 2, 6),
    10: ("quad9", 2, 9),
    11: ("tetra10", 3, 10),
    12: ("hexahedron27", 3, 27),
    13: ("wedge18", 3, 18),
    14: ("pyramid14", 3, 14),
    15: ("vertex", 0, 1),
    16: ("quad8", 2, 8),
    17: ("hexahedron20", 3, 20),
    18: ("wedge15", 3, 15),
    19: ("pyramid13", 3, 13),
    20: ("triangle9", 2, 9),
    21: ("triangle10", 2, 10),
    23: ("triangle15", 2, 15),
    25: ("triangle21", 2, 21),
    26: ("line4", 1, 4),
    27: ("line5", 1, 5),
    28: ("line6", 1, 6),
    36: ("quad16", 2, 16),
    37: ("quad25", 2, 25),
}
_KINDS = {1: "curve", 2: "surface"}


class Block(NamedTuple):
    """Cells of one type: nodes (n_cells, n_nodes)."""

    type: str
    dim: int
    data: np.ndarray


@dataclass
class RawMesh:
    """What a file holds, in the words of meshio.

    ``cell_sets``: for each group its members in each block; ``field_data``: for each name of the
    file (tag, dimension); ``point_sets``: nodes of a boundary, where the file has no lines;
    ``entities``: the groups that are curves and surfaces of the drawing, not of the user.
    """

    points: np.ndarray
    cells: list[Block]
    cell_sets: dict[str, list[np.ndarray]] = field(default_factory=dict)
    field_data: dict[str, Any] = field(default_factory=dict)
    point_sets: dict[str, np.ndarray] = field(default_factory=dict)
    entities: frozenset[str] = frozenset()


def version_of(data: bytes) -> str:
    """The version in the heading, such as 2.2 or 4.1; empty if it is no .msh file."""
    _, _, tail = data[:1000].partition(b"$MeshFormat")
    words = tail.split(maxsplit=1)
    return words[0].decode("ascii", "replace") if words else ""


def read_msh(data: bytes) -> RawMesh:
    """The mesh in the bytes of a file of version 2.x or 4.1.

    Raises
    ------
    MeshError
        Truncated, or something that the format does not allow.
    """
    try:
        return _read(data)
    except (ValueError, IndexError, KeyError, OverflowError, MemoryError) as exc:
        if isinstance(exc, MeshError):
            raise
        reason = f"{type(exc).__name__}: {exc}"
        raise MeshError(
            f"cannot be read as a mesh ({escaped(reason)[:100]}); it is cut off or damaged: save "
            "it again"
        ) from exc


def _read(data: bytes) -> RawMesh:
    sections = dict(_sections(data))
    words = sections.get("MeshFormat", b"").split(maxsplit=3)
    version = words[0].decode()
    binary = words[1] == b"1"
    width = int(words[2])
    order = "<"
    if binary and words[3][:4] == b"\0\0\0\1":
        order = ">"
    if width not in (4, 8):
        raise MeshError(f"cannot be read as a mesh (numbers of {width} bytes); save it again")

    def numbers(name: str) -> _Numbers:
        if name not in sections:
            raise MeshError(f"cannot be read as a mesh (it has no section ${name}); save it again")
        return _Numbers(sections[name], binary, order, width)

    names = _names(sections.get("PhysicalNames", b""))
    if version.startswith("2"):
        parametric = "ParametricNodes" in sections
        nodes = numbers("ParametricNodes" if parametric else "Nodes")
        tags, points = _nodes_2(nodes, parametric)
        blocks = _elements_2(numbers("Elements"))
    else:
        physical = {}
        if "Entities" in sections:
            physical = _entities(numbers("Entities"))
        if "PartitionedEntities" in sections:
            physical.update(_partitioned(numbers("PartitionedEntities")))
        tags, points = _nodes_4(numbers("Nodes"))
        blocks = _elements_4(numbers("Elements"), physical)
    cells = []
    for kind, _, nodes_of in blocks:
        name, dim, _ = TYPES[kind]
        cells.append(Block(name, dim, _index(tags, nodes_of)))
    sets = _sets(blocks, names)
    lost = names and not any(len(m) for s in sets.values() for m in s)
    if lost and version.startswith("2") and all(dim in (1, 2) for _, dim in names):
        raise MeshError(
            f"the group {next(iter(names.values()))!r} is empty, as are all: in gmsh, Mesh.SaveAll "
            "drops the groups of format 2.2; switch it off, or save as 4.1"
        )
    field_data = {name: (tag, dim) for (tag, dim), name in names.items()}
    return RawMesh(points, cells, sets, field_data)


def _sections(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Name and content of each section, without the line ends around it."""
    at = 0
    while True:
        at = data.find(b"$", at)
        if at < 0:
            return
        line = data.find(b"\n", at)
        if line < 0:
            return
        name = data[at + 1 : line].strip()
        end = data.find(b"$End" + name, line)
        if end < 0:
            shown = escaped(name.decode("latin-1"))[:40]
            raise MeshError(
                f"cannot be read as a mesh (section ${shown} has no end); it is cut off: save it "
                "again"
            )
        yield name.decode("latin-1"), data[line + 1 : end]
        at = end + len(name) + 4


class _Numbers:
    """Numbers of a section one after the other."""

    def __init__(
        self,
        data: bytes,
        binary: bool,
        order: str,
        width: int,
    ) -> None:
        self.binary = binary
        self.order = order
        self.width = width
        self.at = 0
        self.data = data
        # whole numbers up to 2^53 are exact as floats
        self.words = np.empty(0) if binary else np.array(data.split(), dtype=float)

    def _take(
        self,
        count: int,
        kind: str,
        size: int,
    ) -> np.ndarray:
        count = int(count)
        left = len(self.data) // size if self.binary else len(self.words)
        if not 0 <= count <= left:
            raise ValueError(f"{count} numbers announced, at most {left} there")
        start = self.at
        if self.binary:
            self.at += count * size
            if self.at > len(self.data):
                raise ValueError("a section ends early")
            return np.frombuffer(
                self.data,
                f"{self.order}{kind}{size}",
                count,
                start,
            )
        self.at += count
        if self.at > len(self.words):
            raise ValueError("a section ends early")
        return self.words[start : self.at]

    def ints(self, count: int) -> np.ndarray:
        return _whole(self._take(count, "i", 4))

    def sizes(self, count: int) -> np.ndarray:
        return _whole(self._take(count, "u", self.width))

    def size(self) -> int:
        return int(self.sizes(1)[0])

    def doubles(self, count: int) -> np.ndarray:
        return self._take(count, "f", 8).astype(float)

    def count(self) -> int:
        """The number of entries at the head of a section of 2.2, which is text."""
        if not self.binary:
            return self.size()
        line = self.data.index(b"\n")
        self.at = line + 1
        return int(self.data[:line])


def _whole(values: np.ndarray) -> np.ndarray:
    if values.dtype.kind == "f" and not np.all(np.abs(values) < 2**53):
        raise ValueError("a number is too large")
    whole = values.astype(np.int64)
    if values.dtype.kind == "f" and np.any(whole != values):
        raise ValueError("expected whole numbers")
    return whole


def _names(section: bytes) -> dict[tuple[int, int], str]:
    """{(tag, dimension): name}"""
    out = {}
    for line in section.decode(errors="replace").splitlines()[1:]:
        words = line.split(maxsplit=2)
        if len(words) == 3:
            out[abs(int(words[1])), int(words[0])] = words[2].strip().strip('"')
    return out


def _entities(numbers: _Numbers) -> dict[tuple[int, int], np.ndarray]:
    """{(dimension, entity): physical tags}"""
    out = {}
    for dim, count in enumerate(numbers.sizes(4)):
        for _ in range(count):
            (tag,) = numbers.ints(1)
            numbers.doubles(3 if dim == 0 else 6)  # the bounding box
            out[dim, int(tag)] = numbers.ints(numbers.size())
            if dim > 0:
                numbers.ints(numbers.size())  # what bounds it
    return out


def _partitioned(numbers: _Numbers) -> dict[tuple[int, int], np.ndarray]:
    """As :func:`_entities`, of the parts into which a partition cuts the entities."""
    out = {}
    numbers.size()  # of partitions
    numbers.ints(2 * numbers.size())  # ghosts
    for dim, count in enumerate(numbers.sizes(4)):
        for _ in range(count):
            tag, _, _ = numbers.ints(3)
            numbers.ints(numbers.size())  # the partitions it is in
            numbers.doubles(3 if dim == 0 else 6)
            out[dim, int(tag)] = numbers.ints(numbers.size())
            if dim > 0:
                numbers.ints(numbers.size())
    return out


def _nodes_4(numbers: _Numbers) -> tuple[np.ndarray, np.ndarray]:
    """Tags (n,) and coordinates (n, 3)."""
    tags = [np.empty(0, np.int64)]
    points = [np.empty((0, 3))]
    blocks, _, _, _ = numbers.sizes(4)
    for _ in range(blocks):
        dim, _, parametric = numbers.ints(3)
        count = numbers.size()
        tags.append(numbers.sizes(count))
        # a node with parameters has as many as its entity has dimensions
        columns = 3 + (int(dim) if parametric else 0)
        rows = numbers.doubles(count * columns).reshape(count, columns)
        points.append(rows[:, :3])
    return np.concatenate(tags), np.concatenate(points)


#: Per block: the type, the physical tag of each element (once for each group that the entity is
#: in), and the tags of its nodes.
Elements = list[tuple[int, list[np.ndarray], np.ndarray]]


def _elements_4(
    numbers: _Numbers,
    physical: dict[tuple[int, int], np.ndarray],
) -> Elements:
    out = []
    blocks, _, _, _ = numbers.sizes(4)
    for _ in range(blocks):
        dim, entity, kind = (int(v) for v in numbers.ints(3))
        count = numbers.size()
        _, _, per = _type(kind)
        rows = numbers.sizes(count * (1 + per)).reshape(count, 1 + per)
        # the sign of a tag is the sense of the entity in the group
        tags = np.unique(np.abs(physical.get((dim, entity), np.empty(0, int))))
        out.append((kind, [np.full(count, tag) for tag in tags], rows[:, 1:]))
    return out


def _type(kind: int) -> tuple[str, int, int]:
    if kind not in TYPES:
        raise MeshError(f"elements of gmsh's type {kind} are not supported; mesh with order 1 or 2")
    return TYPES[kind]


def _nodes_2(
    numbers: _Numbers,
    parametric: bool,
) -> tuple[np.ndarray, np.ndarray]:
    count = numbers.count()
    if not parametric and not numbers.binary:
        rows = numbers.doubles(4 * count).reshape(count, 4)
        return _whole(rows[:, 0]), rows[:, 1:]
    tags = []
    points = [np.empty((0, 3))]
    for _ in range(count):
        tags.append(numbers.ints(1))
        points.append(numbers.doubles(3)[None])
        if parametric:
            dim, _ = numbers.ints(2)
            numbers.doubles(dim)
    return np.concatenate([np.empty(0, np.int64), *tags]), np.concatenate(points)


def _elements_2(numbers: _Numbers) -> Elements:
    """Elements with their first tag, the physical one; 0 is none."""
    count = numbers.count()
    kinds: dict[int, list[np.ndarray]] = {}
    done = 0
    while done < count:
        if numbers.binary:
            kind, many, n_tags = (int(v) for v in numbers.ints(3))
            head = 1
        else:
            kind, many, n_tags = _alike(numbers, count - done)
            head = 3
        _, _, per = _type(kind)
        if not 1 <= many <= count - done or n_tags < 0:
            raise ValueError("the number of elements does not fit")
        width = head + n_tags + per
        rows = numbers.ints(many * width).reshape(many, width)
        physical = rows[:, head : head + 1] if n_tags else np.zeros((many, 1), np.int64)
        nodes = rows[:, head + n_tags :]
        kinds.setdefault(kind, []).append(np.hstack([np.abs(physical), nodes]))
        done += many
    out = []
    for kind, parts in kinds.items():
        rows = np.vstack(parts)
        out.append((kind, [rows[:, 0]], rows[:, 1:]))
    return out


def _alike(
    numbers: _Numbers,
    left: int,
) -> tuple[int, int, int]:
    """Kind of the next element in a text, how many like it follow, and their number of tags.

    Elements of one kind and number of tags are rows of one width: they are read at once.
    """
    start = numbers.at
    _, kind, n_tags = (int(v) for v in numbers.ints(3))
    numbers.at = start
    _, _, per = _type(kind)
    width = 3 + n_tags + per
    if n_tags < 0:
        return kind, 1, n_tags
    ahead = numbers.words[start : start + left * width]
    rows = ahead[: len(ahead) // width * width].reshape(-1, width)
    other = np.flatnonzero((rows[:, 1] != kind) | (rows[:, 2] != n_tags))
    return kind, int(other[0]) if other.size else max(len(rows), 1), n_tags


def _index(
    tags: np.ndarray,
    wanted: np.ndarray,
) -> np.ndarray:
    """Places of nodes by their tags, which need not be in order nor without gaps."""
    order = np.argsort(tags, kind="stable")
    ordered = tags[order]
    if not len(tags):
        raise MeshError("the mesh is empty: it has no nodes")
    at = np.minimum(np.searchsorted(ordered, wanted), len(tags) - 1)
    missing = wanted[ordered[at] != wanted]
    if missing.size:
        raise MeshError(
            f"cannot be read as a mesh (an element has node {missing[0]}, which is not there); "
            "save it again"
        )
    return np.asarray(order[at])


def _sets(
    blocks: Elements,
    names: dict[tuple[int, int], str],
) -> dict[str, list[np.ndarray]]:
    """For each group, its members in each block. A group without a name keeps its number."""
    tagged: dict[tuple[int, int], list[np.ndarray]] = {}
    for i, (kind, groups, _) in enumerate(blocks):
        _, dim, _ = TYPES[kind]
        for tags in groups:
            for tag in np.unique(tags[tags != 0]):
                key = (int(tag), dim)
                members = tagged.setdefault(key, [np.empty(0, int) for _ in blocks])
                members[i] = np.union1d(members[i], np.flatnonzero(tags == tag))
    out: dict[str, list[np.ndarray]] = {}
    taken = set(names.values())
    for (tag, dim), members in tagged.items():
        name = names.get((tag, dim))
        if name is None:
            name = str(tag)
            others = [
                d for d in _KINDS if d != dim and (tag, d) in tagged and (tag, d) not in names
            ]
            # a curve and a surface may have the same number
            if others or name in taken:
                name = f"{_KINDS.get(dim, f'{dim}D')} {tag}"
        if dim in _KINDS or (tag, dim) in names:
            out[name] = members
    return out
