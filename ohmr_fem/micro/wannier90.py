"""Reading and writing Wannier90 Hamiltonians of layered crystals (``_hr.dat`` and ``_tb.dat``)."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from ..errors.doors import door
from ..files import escaped, read_text
from ..units import array_si, positive
from .hamiltonian import HERMITICITY, LayeredModel

LAYER_GAP = 2.5
"""Least distance in angstrom, along z, between orbitals of neighbouring layers."""

# Elements below this part of the strongest one are no bonds.
WEAK = 0.01
# Centres are moved by lattice vectors only if the squares of the bonds shrink by more than this.
MUCH_SHORTER = 3.0
# No bond reaches further along z, in angstrom.
LONGEST_RISE = 12.0

logger = logging.getLogger(__name__)


@door
def from_wannier90(
    path: str | Path,
    centres: Any = None,
    lattice: Any = None,
    *,
    layers: int | None = None,
    layer_gap: float = LAYER_GAP,
    filling: int | None = None,
    name: str = "",
) -> LayeredModel:
    """A layered model from ``x_hr.dat`` or ``x_tb.dat``.

    Parameters
    ----------
    path : path
        A name ending in ``_tb.dat`` is read as such: it holds lattice and centres. Anything else is
        ``_hr.dat``. Where Wannier90 wrote a ``_wsvec.dat`` beside it (use_ws_distance), it is
        applied: it says over which images each element is spread.
    centres : (n, 3) or path, optional
        Wannier centres in angstrom, or a ``_centres.xyz`` file. Needed for ``_hr.dat``. Centres
        that were moved by lattice vectors (translate_home_cell) are moved back to where the
        strong elements say.
    lattice : (2, 2) or (3, 3), optional
        Rows a1, a2 (and a3, along z) in angstrom. Needed for ``_hr.dat``. Centres can be moved
        along z only if a3 is given.
    layers : int, optional
        Number of layers to find along z; by default a layer ends where the centres leave
        ``layer_gap`` free.
    filling : int, optional
        Electrons per cell and spin at neutrality; default half of the orbitals.
    name : str
        Of the model; default that of the file.

    Returns
    -------
    LayeredModel

    Raises
    ------
    InputError
        Truncated file, degeneracy weights that do not fit, blocks that are not Hermitian, hopping
        along a3, bonds too long to be any, layers that cannot be told apart.
    """
    path = Path(path)
    if path.name.endswith("_tb.dat"):
        own_lattice, cells, weights, blocks, own_centres = _read_tb(path)
        lattice = own_lattice if lattice is None else lattice
        centres = own_centres if centres is None else centres
    else:
        cells, weights, blocks = _read_hr(path)
    if centres is None or lattice is None:
        raise InputError(
            f"{path.name}: a _hr.dat file has no geometry; give centres=(n, 3) in angstrom or the "
            "_centres.xyz file, and lattice=(a1, a2) in angstrom"
        )
    r = _centres(centres, blocks.shape[1])
    plane, height = _plane(lattice)
    blocks = blocks / weights[:, None, None]
    spread = path.with_name(_seed(path) + "_wsvec.dat")
    if spread.exists():
        cells, blocks = _spread(spread, cells, blocks)
    flat, matrices = _in_plane(path.name, cells, blocks)
    _check_weights(path.name, flat, matrices)
    r = _one_cell(path.name, r, plane, height, flat, matrices)
    number = _find_layers(r[:, 2], layers, positive(layer_gap, "angstrom", "layer_gap"))
    return LayeredModel(
        plane,
        r,
        flat,
        matrices,
        layers=number,
        filling=filling,
        name=name or path.stem,
    )


@door
def write_wannier90(
    model: LayeredModel,
    path: str | Path,
    *,
    thickness: float = 30.0,
) -> None:
    """Write the model as ``_tb.dat`` (if the name ends so) or ``_hr.dat``.

    Parameters
    ----------
    model : LayeredModel
    path : str or Path
    thickness : float, angstrom
        Length of a3.

    Raises
    ------
    InputError
        A thickness that is not positive, a file that cannot be written.
    """
    path, thickness = Path(path), positive(thickness, "angstrom", "thickness")
    n = model.n_orbitals
    m = len(model.translations)
    lines = ["written by ohmr_fem"]
    with_geometry = path.name.endswith("_tb.dat")
    if with_geometry:
        cell = np.zeros((3, 3))
        cell[:2, :2] = model.lattice
        cell[2, 2] = thickness
        for row in cell:
            lines.append(" ".join(f"{x:.15g}" for x in row))
    lines += [str(n), str(m)]
    ones = ["1"] * m
    for start in range(0, m, 15):
        lines.append(" ".join(ones[start : start + 15]))
    for place, block in zip(model.translations, model.blocks, strict=True):
        where = _place(place)
        prefix = f"{where} "
        if with_geometry:
            lines += ["", where]
            prefix = ""
        for i, j in _pairs(n):
            t = block[i, j]
            lines.append(f"{prefix}{i + 1} {j + 1} {t.real:.16e} {t.imag:.16e}")
    if with_geometry:
        lines += _position_lines(model)
    path.write_text("\n".join(lines) + "\n")


def _place(translation: np.ndarray) -> str:
    return f"{translation[0]} {translation[1]} 0"


def _pairs(n: int) -> Iterator[tuple[int, int]]:
    """Matrix elements (i, j) in the order of Wannier90: i runs fastest."""
    for j in range(n):
        for i in range(n):
            yield i, j


def _position_lines(model: LayeredModel) -> list[str]:
    """The position operator: the centres on the diagonal of the home cell, zero elsewhere."""
    lines = []
    for place in model.translations:
        lines += ["", _place(place)]
        home = not place.any()
        for i, j in _pairs(model.n_orbitals):
            r = model.positions[i] if home and i == j else np.zeros(3)
            numbers = " ".join(f"{x:.16e} 0.0" for x in r)
            lines.append(f"{i + 1} {j + 1} {numbers}")
    return lines


def _text(path: Path) -> str:
    return read_text(path, "an existing Wannier90 file (_hr.dat, _tb.dat, _centres.xyz)")


def _seed(path: Path) -> str:
    """The seedname of Wannier90."""
    for ending in ("_hr.dat", "_tb.dat"):
        if path.name.endswith(ending):
            return path.name.removesuffix(ending)
    return path.stem


def _numbers(path: Path) -> list[str]:
    """All words after the comment line."""
    return _text(path).partition("\n")[2].split()


def _header(
    name: str,
    words: list[str],
) -> tuple[int, int, np.ndarray, list[str]]:
    """Number of orbitals, of translations, degeneracy weights, and the rest."""
    try:
        n = int(words[0])
        m = int(words[1])
        weights = np.array([int(w) for w in words[2 : 2 + m]], dtype=float)
    except (ValueError, IndexError) as exc:
        raise InputError(
            f"{name}: the header should hold the number of orbitals, of translations and one "
            "whole-number "
            "degeneracy weight per translation; the list of weights is wrong or too short",
        ) from exc
    if n < 1 or m < 1 or len(weights) < m or np.any(weights < 1):
        raise InputError(
            f"{name}: expected {m} positive degeneracy weights in the header, "
            f"got {len(weights)} with minimum {weights.min() if len(weights) else 'none'}",
        )
    return n, m, weights, words[2 + m :]


def _table(
    name: str,
    words: list[str],
    rows: int,
    columns: int,
) -> np.ndarray:
    if len(words) != rows * columns:
        kind = (
            "truncated"
            if len(words) < rows * columns
            else "too long, or its degeneracy weights are too few"
        )
        raise InputError(
            f"{name}: {kind}, {rows} rows of {columns} numbers announced but {len(words)} numbers "
            "found; "
            "write the file again",
        )
    try:
        return np.array(words, dtype=float).reshape(rows, columns)
    except ValueError as exc:
        raise InputError(
            f"{name}: holds something that is not a number ({exc})",
        ) from exc


def _cells_of(
    name: str,
    numbers: np.ndarray,
) -> np.ndarray:
    """Translations, small whole numbers."""
    if not np.all(np.abs(numbers) < 1e6):
        raise InputError(f"{name}: a translation is no small whole number; write the file again")
    return np.rint(numbers).astype(int)


def _read_hr(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Translations (m, 3), weights (m,), blocks (m, n, n)."""
    n, m, weights, words = _header(path.name, _numbers(path))
    rows = _table(path.name, words, m * n * n, 7)
    cells = _cells_of(path.name, rows[:: n * n, :3])
    if np.any(rows[:, :3] != np.repeat(cells, n * n, axis=0)):
        raise InputError(
            f"{path.name}: the rows of one translation are not together, or its degeneracy weights "
            "are "
            "too many or too few; write the file again"
        )
    values = rows[:, 5] + 1j * rows[:, 6]
    blocks = _fill(path.name, rows[:, 3:5], values, n, m)
    return cells, weights, blocks


def _read_tb(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Lattice (3, 3), translations, weights, blocks, and the centres, i.e. the diagonal of r at R =
    0.
    """
    words = _numbers(path)
    lattice = _table(path.name, words[:9], 3, 3)
    n, m, weights, words = _header(path.name, words[9:])
    each = 3 + 4 * n * n
    rows = _table(path.name, words[: m * each], m, each)
    cells = _cells_of(path.name, rows[:, :3])
    entries = rows[:, 3:].reshape(-1, 4)
    values = entries[:, 2] + 1j * entries[:, 3]
    blocks = _fill(path.name, entries[:, :2], values, n, m)
    places = _table(path.name, words[m * each :], m, 3 + 8 * n * n)
    at_home = ~places[:, :3].any(axis=1)
    if not at_home.any():
        raise InputError(
            f"{path.name}: has no position operator at R = 0, so no centres; write the file again"
        )
    home = places[at_home][0, 3:].reshape(n, n, 8)
    centres = np.stack([home[i, i, 2::2] for i in range(n)])
    return lattice, cells, weights, blocks, centres


def _spread(
    path: Path,
    cells: np.ndarray,
    blocks: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Elements over the images of a _wsvec.dat: for each translation and pair of orbitals a number
    of shifts T; the element belongs to R + T, an equal share to each.
    """
    try:
        words = np.array(_numbers(path), dtype=int)
    except (ValueError, OverflowError) as exc:
        raise InputError(
            f"{path.name}: holds something that is no whole number ({escaped(str(exc))[:60]}); "
            "write it again with Wannier90"
        ) from exc
    n = blocks.shape[1]
    place = {tuple(cell): m for m, cell in enumerate(cells.tolist())}
    out: dict[tuple[int, ...], np.ndarray] = {}
    done = np.zeros(blocks.shape, dtype=bool)
    foreign = InputError(
        f"{path.name}: does not fit {len(cells)} translations of {n} orbitals; it belongs to "
        "another file or is cut off: write both again, or move it away"
    )
    at = 0
    while at < len(words):
        head = words[at : at + 6].tolist()
        if len(head) < 6:
            raise foreign
        *cell, i, j, count = head
        m = place.get(tuple(cell))
        shifts = words[at + 6 : at + 6 + 3 * max(count, 0)]
        known = m is not None and 1 <= i <= n and 1 <= j <= n
        if not known or count < 1 or len(shifts) < 3 * count or done[m, i - 1, j - 1]:
            raise foreign
        done[m, i - 1, j - 1] = True
        share = blocks[m, i - 1, j - 1] / count
        for image in (shifts.reshape(-1, 3) + cell).tolist():
            block = out.setdefault(tuple(image), np.zeros((n, n), dtype=complex))
            block[i - 1, j - 1] += share
        at += 6 + 3 * count
    if not done.all():
        raise foreign
    return np.array(list(out), dtype=int), np.array(list(out.values()))


def _fill(
    name: str,
    index: np.ndarray,
    values: np.ndarray,
    n: int,
    m: int,
) -> np.ndarray:
    fits = bool(np.all((index >= 1) & (index <= n)))
    if not fits:
        raise InputError(
            f"{name}: an orbital number is outside 1..{n}; the degeneracy weights or the header "
            "are wrong",
        )
    orbitals = np.rint(index).astype(int) - 1
    blocks = np.full((m, n, n), np.nan, dtype=complex)
    translation = np.repeat(np.arange(m), n * n)
    blocks[translation, orbitals[:, 0], orbitals[:, 1]] = values
    if not np.all(np.isfinite(blocks)):
        raise InputError(
            f"{name}: an element is missing, given twice, or not finite; write the file again",
        )
    return blocks


def _centres(
    value: Any,
    n: int,
) -> np.ndarray:
    if isinstance(value, (str, Path)):
        rows = [line.split() for line in _text(Path(value)).splitlines()[2:]]
        value = [row[1:4] for row in rows if row and row[0] == "X"]
    r = _floats(value, "centres: expected one (x, y, z) in angstrom for each orbital")
    if r.shape != (n, 3) or not np.all(np.isfinite(r)):
        raise InputError(
            f"expected one (x, y, z) in angstrom for each of the {n} orbitals, got shape {r.shape}",
            value=value,
            key="centres",
        )
    return r


def _floats(
    value: Any,
    what: str,
) -> np.ndarray:
    try:
        return np.array(array_si(value, "angstrom", "", finite=False))
    except InputError as exc:
        raise InputError(f"{what}: {exc.what}", value=value) from exc


def _plane(lattice: Any) -> tuple[np.ndarray, float]:
    """Rows a1, a2 (2, 2), and the length of a3 along z; infinite if it is not given."""
    a = _floats(lattice, "lattice: expected rows a1, a2 (and a3) in angstrom")
    if a.shape not in ((2, 2), (3, 3)):
        raise InputError(
            f"expected rows a1, a2 (and a3) in angstrom, got shape {a.shape}",
            value=lattice,
            key="lattice",
        )
    if a.shape == (2, 2):
        return a, np.inf
    out_of_plane = np.abs(a[:2, 2]).max()
    tilt = np.abs(a[2, :2]).max()
    if not (out_of_plane <= 1e-6 and tilt <= 1e-6):
        raise InputError(
            "a1 and a2 must lie in the plane and a3 along z; rotate the cell",
            value=lattice,
            key="lattice",
        )
    return a[:2, :2], abs(float(a[2, 2])) or np.inf


def _one_cell(
    name: str,
    r: np.ndarray,
    plane: np.ndarray,
    height: float,
    cells: np.ndarray,
    blocks: np.ndarray,
) -> np.ndarray:
    """Centres moved by lattice vectors, so that strong elements are short bonds.

    Wannier90 can print centres in the home cell while its elements count from where they were. Two
    orbitals are moved against each other only if that makes their strong bonds much shorter.
    """
    n = len(r)
    strength = np.abs(blocks)
    strongest = max((strength[:, i, j].max() for i in range(n) for j in range(i)), default=0.0)
    if not strongest:
        return r
    steps = np.zeros((len(cells), 3))
    steps[:, :2] = cells @ plane
    moves = _moves(plane, height)
    pairs = []
    for j in range(n):
        for i in range(j):
            t = float(strength[:, i, j].max())
            if t >= WEAK * strongest:
                pairs.append((t, i, j))
    # the strongest bonds first: each joins orbitals that move together from then on
    group = np.arange(n)
    moved = np.array(r)
    for t, i, j in sorted(pairs, key=lambda pair: -pair[0]):
        if group[i] != group[j]:
            strong = steps[strength[:, i, j] >= t / 2]
            together = group == group[j]
            moved[together] += _best_move(strong + moved[j] - moved[i], moves)
            group[together] = group[i]
    if np.abs(moved - r).max() > 0:
        logger.warning("%s: centres moved by lattice vectors to where their bonds are short", name)
    _check_bonds(name, moved, strength, strongest)
    return moved


def _moves(
    plane: np.ndarray,
    height: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Lattice vectors (n, 3) to try, in the plane and along z; the first of each is zero."""
    in_plane = []
    for n1 in (0, 1, -1, 2, -2):
        for n2 in (0, 1, -1, 2, -2):
            x, y = n1 * plane[0] + n2 * plane[1]
            in_plane.append((x, y, 0.0))
    along = [(0.0, 0.0, 0.0)]
    if np.isfinite(height):
        along += [(0.0, 0.0, height), (0.0, 0.0, -height)]
    return np.array(in_plane), np.array(along)


def _best_move(
    bonds: np.ndarray,
    moves: tuple[np.ndarray, np.ndarray],
) -> np.ndarray:
    """The move that shortens bonds (m, 3) most; zero unless it does so by much.

    a3 is along z, so the plane and z are judged each for itself: a bond between layers is long.
    """
    total = np.zeros(3)
    for some, part in zip(moves, (slice(0, 2), slice(2, 3)), strict=True):
        squares = ((bonds[None] + some[:, None])[:, :, part] ** 2).sum(axis=(1, 2))
        best = int(squares.argmin())
        if squares[0] > MUCH_SHORTER * squares[best]:
            total += some[best]
    return total


def _check_bonds(
    name: str,
    r: np.ndarray,
    strength: np.ndarray,
    strongest: float,
) -> None:
    """No strong element reaches as far along z as only wrapped centres do."""
    rise = np.abs(r[None, :, 2] - r[:, None, 2])
    linked = strength.max(axis=0) >= WEAK * strongest
    longest = float((rise * linked).max())
    if longest > LONGEST_RISE:
        raise InputError(
            f"{name}: a bond of {longest:.3g} angstrom along z, so the centres are wrapped into a "
            "cell; give lattice=(a1, a2, a3), by which they can be brought back, or centres in one "
            "cell",
            value=longest,
            key="centres",
        )


def _in_plane(
    name: str,
    cells: np.ndarray,
    blocks: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Drop translations along a3, which must carry no hopping."""
    out = cells[:, 2] != 0
    if out.any():
        worst = float(np.abs(blocks[out]).max())
        if worst > 1e-3:
            raise InputError(
                f"{name}: hopping of {worst:.3g} eV along a3, so this is a bulk crystal or its "
                "centres "
                "are wrapped; use a slab with vacuum and centres in one cell",
                value=worst,
            )
    return cells[~out, :2], blocks[~out]


def _check_weights(
    name: str,
    cells: np.ndarray,
    blocks: np.ndarray,
) -> None:
    """Wrong degeneracy weights show as t(R) != t(-R)^dagger; the printed digits limit how well this
    is met.
    """
    index = {tuple(c): m for m, c in enumerate(cells.tolist())}
    for cell, m in index.items():
        opposite = (-cell[0], -cell[1])
        back = index.get(opposite)
        if back is None:
            raise InputError(
                f"{name}: translation {cell} has no partner {opposite}; the file is truncated",
                value=cell,
            )
        adjoint = blocks[back].conj().T
        worst = float(np.abs(blocks[m] - adjoint).max())
        if worst > 2e-5:
            raise InputError(
                f"{name}: not Hermitian, t(R) and t(-R)^dagger differ by {worst:.2g} eV at R = "
                f"{cell}; "
                "the degeneracy weights or the elements are wrong",
                value=cell,
            )
        if worst > HERMITICITY:  # rounding of the printed digits
            blocks[m] = 0.5 * (blocks[m] + adjoint)
            blocks[back] = blocks[m].conj().T


def _find_layers(
    z: np.ndarray,
    layers: int | None,
    layer_gap: float,
) -> np.ndarray:
    rank = np.argsort(z, kind="stable")
    steps = np.diff(z[rank])
    wide = np.sort(steps)[::-1]
    if layers is None:
        cuts = steps > layer_gap
        if not cuts.any() and len(z) > 1:
            raise InputError(
                f"cannot be told apart, the largest gap between centres along z is "
                f"{wide[0]:.3g} angstrom and layer_gap is {layer_gap:g}; give layers=n or a "
                "smaller "
                "layer_gap (layers=1 for a single layer)",
                value=float(wide[0]),
                key="layers",
            )
    else:
        _check_layer_count(z, wide, layers)
        widest = np.argsort(-steps, kind="stable")
        cuts = np.zeros(len(steps), dtype=bool)
        cuts[widest[: layers - 1]] = True
    number = np.zeros(len(z), dtype=int)
    number[rank[1:]] = np.cumsum(cuts)
    return number


def _check_layer_count(
    z: np.ndarray,
    wide: np.ndarray,
    layers: int,
) -> None:
    """``wide``: the gaps along z, widest first; the last one that is cut must stand out."""
    if not 1 <= layers <= len(z):
        raise InputError(
            f"expected from 1 to {len(z)}, got {layers!r}",
            value=layers,
            key="layers",
        )
    if layers == 1:
        return
    last_cut = wide[layers - 2]
    if layers <= len(wide) and last_cut < 1.2 * wide[layers - 1]:
        gaps = ", ".join(f"{g:.3g}" for g in wide[:layers])
        raise InputError(
            f"{layers} layers cannot be told apart, the gaps along z are "
            f"{gaps} angstrom; check the centres or the number",
            value=layers,
            key="layers",
        )
    if last_cut < 0.1:
        raise InputError(
            f"{layers} layers cannot be told apart, the centres span "
            f"{np.ptp(z):.3g} angstrom along z; check the centres",
            value=layers,
            key="layers",
        )
