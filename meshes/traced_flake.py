"""Make traced_flake.msh from examples/traced_flake.csv, coordinates in nanometres.

    python meshes/traced_flake.py        (needs gmsh or netgen-mesher)

The tutorial docs/tutorials/own-outline.md reads it where no mesh generator is installed.
"""

from pathlib import Path

import ohmr_fem as of

HERE = Path(__file__).parent


def main(path: Path) -> None:
    flake = of.geometry.from_csv(
        HERE.parent / "examples/traced_flake.csv", scale_bar=("2 um", 250), y_down=True
    )
    of.write_mesh(
        of.mesh_device(flake, "60 nm", growth=2.0, corner=0.02), path, unit="nm", binary=True
    )


if __name__ == "__main__":
    main(Path(__file__).with_suffix(".msh"))
