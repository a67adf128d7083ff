"""Make hall_bar.msh: a Hall bar with four side arms, coordinates in nanometres.

    python meshes/hall_bar.py        (needs the package gmsh)

           t1          t2
         __||__________||__
    left|                  |right     bar 2800 x 400, arms 110 x 200 at x = -400 and 400
        |__  __________  __|
           ||          ||
           b1          b2

The example has L_m = 100 nm. Cells grow with the distance d from the insulating edges
(h = 7.5 nm + 0.35 d), and start smaller at the re-entrant corners of the arms, where the
current density is singular, and at the ends of the contacts. The smallest cells stay well
above 1e-3 of the narrowest width, below which round-off costs more than grading gains.
"""

from pathlib import Path

import gmsh
import numpy as np

LENGTH, WIDTH = 2800.0, 400.0
ARM_WIDTH, ARM_LENGTH, ARM_X = 110.0, 200.0, 400.0
EDGE, CORNER, CONTACT_END = 7.5, 1.5, 4.0  # smallest cells
SLOPE, LARGEST = 0.35, WIDTH / 5


def outline() -> tuple[list[tuple[float, float]], dict[str, int], list[int]]:
    """Corners counter-clockwise, edge number of each contact (edge i starts at corner i),
    re-entrant corners.
    """
    x1, x2, y, top = -ARM_X, ARM_X, WIDTH / 2, WIDTH / 2 + ARM_LENGTH
    a = ARM_WIDTH / 2
    lower = [(-LENGTH / 2, -y)]
    for x in (x1, x2):
        lower += [(x - a, -y), (x - a, -top), (x + a, -top), (x + a, -y)]
    lower += [(LENGTH / 2, -y)]
    points = lower + [(-px, -py) for px, py in lower]
    contacts = {"b1": 2, "b2": 6, "right": 9, "t2": 12, "t1": 16, "left": 19}
    return points, contacts, [1, 4, 5, 8, 11, 14, 15, 18]


def distance_to_segments(p: np.ndarray, a: np.ndarray, b: np.ndarray) -> float:
    along = np.clip(((p - a) * (b - a)).sum(1) / ((b - a) ** 2).sum(1), 0, 1)
    return float(np.min(np.linalg.norm(p - a - along[:, None] * (b - a), axis=1)))


def main(path: Path) -> None:
    points, contacts, corners = outline()
    p = np.array(points)
    wall = [i for i in range(len(p)) if i not in contacts.values()]
    start, stop = p[wall], np.roll(p, -1, axis=0)[wall]
    ends = np.array([p[j % len(p)] for i in contacts.values() for j in (i, i + 1)])

    def size(dim: int, tag: int, x: float, y: float, z: float, lc: float) -> float:
        at = np.array([x, y])
        return min(
            EDGE + SLOPE * distance_to_segments(at, start, stop),
            CORNER + SLOPE * float(np.min(np.linalg.norm(p[corners] - at, axis=1))),
            CONTACT_END + SLOPE * float(np.min(np.linalg.norm(ends - at, axis=1))),
            LARGEST,
        )

    gmsh.initialize(interruptible=False)
    try:
        gmsh.option.setNumber("General.Verbosity", 2)
        for option in ("MeshSizeExtendFromBoundary", "MeshSizeFromPoints", "MeshSizeFromCurvature"):
            gmsh.option.setNumber(f"Mesh.{option}", 0)
        gmsh.option.setNumber("Mesh.Algorithm", 6)
        tags = [gmsh.model.geo.addPoint(x, y, 0) for x, y in points]
        lines = [
            gmsh.model.geo.addLine(t, u) for t, u in zip(tags, tags[1:] + tags[:1], strict=True)
        ]
        surface = gmsh.model.geo.addPlaneSurface([gmsh.model.geo.addCurveLoop(lines)])
        gmsh.model.geo.synchronize()
        for name, i in contacts.items():
            gmsh.model.addPhysicalGroup(1, [lines[i]], name=name)
        gmsh.model.addPhysicalGroup(2, [surface], name="bulk")
        gmsh.model.mesh.setSizeCallback(size)
        gmsh.model.mesh.generate(2)
        gmsh.option.setNumber("Mesh.MshFileVersion", 2.2)
        gmsh.write(str(path))
    finally:
        gmsh.finalize()


if __name__ == "__main__":
    main(Path(__file__).with_suffix(".msh"))
