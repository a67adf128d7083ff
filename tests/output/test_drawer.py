"""Pictures that a second process draws."""

from __future__ import annotations

import warnings
from functools import partial

import numpy as np
import pytest

import ohmr_fem as of
from ohmr_fem.errors import FigureWarning
from ohmr_fem.mesh.grids import rectangle
from ohmr_fem.output.drawer import Drawer, Picture
from ohmr_fem.output.plot import plot_mesh


@pytest.fixture
def mesh():
    return rectangle(2e-7, 1e-7, h_min=5e-8, h_max=5e-8)


def picture(folder, name, draw):
    return Picture(name, draw, [folder / f"{name}.png", folder / f"{name}.pdf"])


def test_another_process_draws_and_what_it_cannot_get_is_drawn_here(mesh, tmp_path):
    sent = picture(tmp_path, "sent", partial(plot_mesh, mesh))
    kept = picture(tmp_path, "kept", lambda: plot_mesh(mesh))  # no pipe takes this function
    with Drawer() as drawer:
        drawer.add([sent])
        drawer.add([kept])
        drawer.finish()
        assert list(drawer._given) == ["kept"]
    for path in (*sent.paths, *kept.paths):
        assert path.stat().st_size > 2000


def test_what_cannot_be_drawn_is_a_warning(mesh, tmp_path):
    with Drawer() as drawer, warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        drawer.add([picture(tmp_path, "none", partial(plot_mesh, np.nan))])
        drawer.finish()
    assert [w.category for w in found] == [FigureWarning]
    assert list(tmp_path.iterdir()) == []


def test_one_that_dies_is_replaced_and_one_that_is_stopped_leaves_nothing(mesh, tmp_path):
    one = picture(tmp_path, "one", partial(plot_mesh, mesh))
    with Drawer() as drawer:
        drawer._process.kill()
        drawer._process.wait()
        drawer.add([one])
        drawer.finish()
    assert one.paths[1].exists()
    with Drawer() as drawer:
        drawer.add([picture(tmp_path, "two", partial(plot_mesh, mesh))])
    assert drawer._process.returncode is not None
    assert {p.stem for p in tmp_path.iterdir()} <= {"one", "two"}


def test_saving_leaves_the_figure_as_it_was(mesh, tmp_path):
    axes = plot_mesh(mesh)
    figure = axes.get_figure()
    before = figure.get_layout_engine(), figure.dpi
    of.save_figure(axes, tmp_path / "a.png")
    assert (figure.get_layout_engine(), figure.dpi) == before
