"""Make the small .msh files beside this script (needs gmsh): every flavour of the format.

Two unit squares side by side, ``film`` and ``cap``, contacts ``left`` and ``right side``.
"""

from pathlib import Path

import gmsh

from ohmr_fem.base import signals

FLAVOURS = [(version, binary) for version in (2.2, 4.1) for binary in (0, 1)]


def two_squares(
    path: Path, version: float, binary: int, order: int = 1, quads: bool = False, bulge: float = 0
) -> None:
    """Write one file; with ``bulge`` the right side is an arc."""
    with signals.kept("SIGPIPE"):  # gmsh would let a later broken pipe kill the process
        gmsh.initialize(interruptible=False)
    try:
        gmsh.option.setNumber("General.Verbosity", 1)
        geo, model = gmsh.model.geo, gmsh.model
        p = [
            geo.addPoint(x, y, 0, 0.5) for x, y in ((0, 0), (1, 0), (2, 0), (2, 1), (1, 1), (0, 1))
        ]
        lines = [geo.addLine(p[i], p[(i + 1) % 6]) for i in range(6) if i != 2]
        right = (
            geo.addCircleArc(p[2], geo.addPoint(2 - bulge, 0.5, 0), p[3])
            if bulge
            else geo.addLine(p[2], p[3])
        )
        middle = geo.addLine(p[1], p[4])
        film = geo.addPlaneSurface([geo.addCurveLoop([lines[0], middle, lines[3], lines[4]])])
        cap = geo.addPlaneSurface([geo.addCurveLoop([lines[1], right, lines[2], -middle])])
        geo.synchronize()
        model.addPhysicalGroup(1, [lines[4]], name="left")
        model.addPhysicalGroup(1, [right], name="right side")
        model.addPhysicalGroup(2, [film], name="film")
        model.addPhysicalGroup(2, [cap], name="cap")
        gmsh.option.setNumber("Mesh.RecombineAll", int(quads))
        model.mesh.generate(2)
        model.mesh.setOrder(order)
        gmsh.option.setNumber("Mesh.MshFileVersion", version)
        gmsh.option.setNumber("Mesh.Binary", binary)
        gmsh.write(str(path))
    finally:
        gmsh.finalize()


if __name__ == "__main__":
    here = Path(__file__).parent
    for version, binary in FLAVOURS:
        tag = f"{version}_{'binary' if binary else 'ascii'}"
        two_squares(here / f"squares_{tag}.msh", version, binary)
    two_squares(here / "squares_curved.msh", 4.1, 0, order=2, bulge=0.5)
    two_squares(here / "squares_quads.msh", 4.1, 1, quads=True)
