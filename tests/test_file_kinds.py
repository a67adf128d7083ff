"""A file given to the wrong reader is told by its content, and never by a message of a library."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from small_devices import MATERIAL, bar

import ohmr_fem as of
from ohmr_fem.base.file_kind import told
from ohmr_fem.fitting.result import Fit
from ohmr_fem.run.start import write_start

pytestmark = pytest.mark.filterwarnings("ignore")
PAIR = {"current": ("left", "right"), "voltage": ("t1", "t2")}
READERS = {
    "of.load": of.load,
    "of.load_fit": of.load_fit,
    "of.SpectralMeasure.load": of.SpectralMeasure.load,
    "of.load_study": of.load_study,
    "of.read_mesh": of.read_mesh,
    "of.read_data": lambda path: of.read_data(path, direction="x"),
    "of.read_device": of.read_device,
}
#: By name: what reads it, in the words of the others.
FILES = {
    "curve.npz": "of.load",
    "solution.npz": "of.load",
    "fit.json": "of.load_fit",
    "measure.json": "of.SpectralMeasure.load",
    "study.nc": "of.load_study",
    "device.msh": "of.read_mesh",
    "device.vtu": "of.read_mesh",
    "device.toml": "of.read_device",
    "own.npz": "numpy.load",
    "own.npy": "numpy.load",
    "own.pickle": "a pickle, which is never opened",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    at = tmp_path_factory.mktemp("files")
    problem = of.Problem(bar(6, 2), of.Material(**MATERIAL), ["left", "right", "t1", "t2"], order=1)
    fields = of.field_sweep(-1, 1, 5)
    solution = of.solve(problem, (1, 0, 0), currents={"left": 1e-6, "right": -1e-6})
    curve = of.hanle_curve(problem, fields, **PAIR)
    data = of.Measured(fields, curve.hanle, "hanle", np.ptp(curve.hanle) / 50, **PAIR)
    fit = of.fit(data, problem, parameters=["alpha"], background=[], intervals="fisher")
    of.save(curve, at / "curve.npz")
    of.save(solution, at / "solution.npz")
    of.save(fit, at / "fit.json")
    of.spectral_measure(problem, fields=fields, **PAIR).save(at / "measure.json")
    of.write_mesh(problem.mesh, at / "device.msh")
    of.export_paraview(solution, at / "device.vtu")
    write_start("hall-bar", at / "device.toml")
    np.savez(at / "own.npz", a=1)
    np.save(at / "own.npy", np.arange(3))
    (at / "own.pickle").write_bytes(pickle.dumps([1]))
    xarray = pytest.importorskip("xarray")
    xarray.Dataset({"a": ("x", [1.0])}).to_netcdf(at / "study.nc", engine="h5netcdf")
    return at


@pytest.mark.parametrize("name", FILES)
def test_every_other_reader_says_what_it_is(folder, name):
    owner = FILES[name]
    assert owner in told(folder / name)
    for reader, read in READERS.items():
        if reader == owner:
            read(folder / name)
        elif (reader, name) not in {
            ("of.load", "fit.json"),
            ("of.load", "measure.json"),
            ("of.read_data", "study.nc"),  # tables of other programs are of this kind
        }:
            with pytest.raises((of.InputError, of.MeshError)) as caught:
                read(folder / name)
            assert owner in str(caught.value) and "unsafe" not in str(caught.value)


def test_load_reads_whatever_was_saved(folder):
    assert isinstance(of.load(folder / "fit.json"), Fit)
    assert isinstance(of.load(folder / "measure.json"), of.SpectralMeasure)
    (folder / "cut").write_bytes((folder / "curve.npz").read_bytes()[:500])
    (folder / "text").write_text("hello")
    for name in ("cut", "text"):
        with pytest.raises(of.InputError, match="not a file saved by ohmr_fem") as caught:
            of.load(folder / name)
        assert "pickle" not in str(caught.value) and told(folder / name) == ""
    assert told(Path("/dev/null")) == told(folder) == ""
