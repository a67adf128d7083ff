"""What is shown while a command works: on a terminal, unless it is asked to be quiet."""

from __future__ import annotations

import io
import sys

import pytest

from ohmr_fem.cli import bars, speech


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("quiet, seen", [(False, "fit: profiles 2 of 4, 0 s\n"), (True, "")])
def test_a_log_gets_a_line_of_progress_now_and_then(monkeypatch, quiet, seen):
    log = io.StringIO()
    monkeypatch.setattr(sys, "stderr", log)
    monkeypatch.setitem(speech.SPEECH, "quiet", quiet)
    with bars.stages("fit") as progress:
        for done in (1, 2, 3):
            monkeypatch.setattr(bars, "LINE_EVERY", -1.0 if done == 2 else 30.0)
            if progress is not None:
                progress("profiles", done, 4)
    assert log.getvalue() == seen


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
