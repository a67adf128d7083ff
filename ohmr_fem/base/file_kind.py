"""What a file is by its content, for loaders that were given another's."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path

import numpy as np

#: How much of a text is looked at.
HEAD = 20_000
#: By how files that are no text begin.
MAGIC = {
    b"\x89HDF": "a netCDF file, such as the results of a study; use of.load_study",
    b"CDF": "a netCDF file of an old kind, which nothing here writes",
    b"\x80": "a pickle, which is never opened: it can run any program",
    b"\x93NUMPY": "a bare NumPy array; use numpy.load",
    b"\x00\x06\x00\x02": "a GDSII layout; use of.geometry.from_gds",
    b"$MeshFormat": "a mesh; use of.read_mesh",
}
#: What the first pattern found in the beginning of a text says.
TEXTS = {
    r'\A\s*\{.*"format": "ohmr_fem/fit/': "a fit; use of.load_fit",
    r'\A\s*\{.*"format": "ohmr_fem spectral measure': (
        "a spectral measure; use of.SpectralMeasure.load"
    ),
    r'\A\s*\{.*"ohmr_fem": ': "the record of a run; its numbers are in the tables beside it",
    r'\A[0-9a-f]{8} \{"i": -1': "the journal of a study; run the study again to finish it",
    r"\A.{0,300}<VTKFile": "a file for ParaView; use of.read_mesh for its cells",
    r"(?m)^\[materials?[\].]": ("a device file; use of.read_device, or ohmr-fem run"),
    r"(?m)^[^\n\[{]*B_x \[T\],": "a table; use of.read_data",
}
#: Of archives that ``save`` writes.
SAVED = "use of.load"


def told(path: str | Path) -> str:
    """What a file is and what reads it, such as "a fit; use of.load_fit"; nothing of a file that is
    not known or cannot be read.
    """
    path = Path(path)
    if not path.is_file():  # a pipe may never end
        return ""
    try:
        with path.open("rb") as file:
            head = file.read(HEAD)
        if head.startswith(b"PK"):
            return _archive(path)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return ""
    for magic, what in MAGIC.items():
        if head.startswith(magic):
            return what
    text = head.decode("utf-8", errors="replace")
    for pattern, what in TEXTS.items():
        if re.search(pattern, text, re.DOTALL):
            return what
    return ""


def _archive(path: Path) -> str:
    with zipfile.ZipFile(path) as listed:
        if not all(name.endswith(".npy") for name in listed.namelist()):
            return ""  # a spreadsheet is an archive too
    with np.load(path, allow_pickle=False) as archive:
        if "fingerprint" in archive.files:
            return "the checkpoint of a transient, which goes on where the same is computed again"
        if "meta" not in archive.files:
            return "an archive of NumPy arrays; use numpy.load"
        kind = json.loads(str(archive["meta"]))["kind"]
    return f"a saved {kind}; {SAVED}"
