"""What is shown while a command works: on a terminal, unless it is asked to be quiet."""

from __future__ import annotations

import io
import sys

import pytest

from ohmr_fem.cli import bars, speech


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("terminal, quiet, seen", [
    (True, False, True), (True, True, False), (False, False, False),
])  # fmt: skip
def test_a_step_is_named_with_its_time_where_somebody_looks_on(monkeypatch, terminal, quiet, seen):
    screen = Screen() if terminal else io.StringIO()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setitem(speech.SPEECH, "quiet", quiet)
    with bars.working("poles of 2 measurements"):
        pass
    shown = screen.getvalue()
    assert ("poles of 2 measurements" in shown) == seen and ("0:00:00" in shown) == seen
    assert bool(shown) == seen
