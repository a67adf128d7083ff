"""Make flake.msh: an irregular flake with a hole, six contacts and two regions, coordinates in
nanometres.

    python meshes/flake.py        (needs the package gmsh)

The left part (region `thin`) and the right part (region `thick`) meet along a straight line.  Cells
shrink towards all edges and further towards the corners.
"""

from pathlib import Path

import gmsh

#: Outline, counter-clockwise; the contact named beside a corner is the edge that starts there.
OUTLINE = [
    (0, 0, ""),
    (300, -60, "b1"),
    (380, -70, ""),
    (700, -20, "b2"),
    (790, 0, ""),
    (1050, 120, "right"),
    (1090, 300, ""),
    (960, 520, ""),
    (720, 590, "t2"),
    (640, 600, ""),
    (380, 560, "t1"),
    (290, 530, ""),
    (60, 400, ""),
    (-40, 260, "left"),
    (-30, 120, ""),
]
HOLE = [(480, 200), (600, 180), (640, 290), (520, 330)]
#: The interface runs between these corners of the outline, left of the hole.
INTERFACE = (2, 10)
EDGE, LARGEST = 10.0, 70.0


def main(path: Path) -> None:
    gmsh.initialize(interruptible=False)
    geo = gmsh.model.geo
    try:
        gmsh.option.setNumber("General.Verbosity", 2)
        points = [geo.addPoint(x, y, 0) for x, y, _ in OUTLINE]
        lines = [geo.addLine(a, b) for a, b in zip(points, points[1:] + points[:1], strict=True)]
        inner = [geo.addPoint(x, y, 0) for x, y in HOLE]
        hole = [geo.addLine(a, b) for a, b in zip(inner, inner[1:] + inner[:1], strict=True)]
        first, last = INTERFACE
        cut = geo.addLine(points[first], points[last])
        thick = geo.addPlaneSurface(
            [geo.addCurveLoop([*lines[first:last], -cut]), geo.addCurveLoop(hole)]
        )
        thin = geo.addPlaneSurface([geo.addCurveLoop([*lines[last:], *lines[:first], cut])])
        geo.synchronize()
        for (_, _, name), line in zip(OUTLINE, lines, strict=True):
            if name:
                gmsh.model.addPhysicalGroup(1, [line], name=name)
        gmsh.model.addPhysicalGroup(2, [thin], name="thin")
        gmsh.model.addPhysicalGroup(2, [thick], name="thick")
        field = gmsh.model.mesh.field
        near = field.add("Distance")
        field.setNumbers(near, "CurvesList", [*lines, *hole])
        field.setNumber(near, "Sampling", 200)
        size = field.add("MathEval")
        field.setString(size, "F", f"min({LARGEST}, {EDGE} + 0.35*F{near})")
        field.setAsBackgroundMesh(size)
        for option in ("MeshSizeExtendFromBoundary", "MeshSizeFromPoints", "MeshSizeFromCurvature"):
            gmsh.option.setNumber(f"Mesh.{option}", 0)
        gmsh.model.mesh.generate(2)
        gmsh.option.setNumber("Mesh.MshFileVersion", 2.2)
        gmsh.write(str(path))
    finally:
        gmsh.finalize()


if __name__ == "__main__":
    main(Path(__file__).with_suffix(".msh"))
