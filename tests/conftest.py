"""Shared by all tests: the validation suite on the path, how a refusal must look, and the tables
that a run ends with.
"""

from __future__ import annotations

import collections
import contextlib
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE)]  # validation and small_devices
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # a shell starts background jobs deaf to Ctrl-C, and what the tests start would inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)


@contextlib.contextmanager
def _refuses(kind: type[Exception], *fragments: str) -> Iterator[Any]:
    with pytest.raises(kind) as caught:
        yield caught
    message = str(caught.value)
    assert type(caught.value) is kind, f"{type(caught.value).__name__}: {message}"
    assert message and "\n" not in message, message
    missing = [f for f in fragments if f not in message]
    assert not missing, f"{missing} not in {message!r}"


@pytest.fixture
def refuses() -> Callable[..., Any]:
    """``with refuses(InputError, "-2", "positive"):`` exactly this class, one line, every fragment
    in it.
    """
    return _refuses


def _hall_bar(
    cells: str = "triangle", step: float = 0.25, length: float = 6.0, width: float = 2.0
) -> Any:
    """A bar 6 x 2 with contacts left, right and four side contacts of length 0.5, on a uniform
    grid.
    """
    import numpy as np

    from ohmr_fem.mesh.grids import tensor_grid

    mesh = tensor_grid(
        np.linspace(-length / 2, length / 2, round(length / step) + 1),
        np.linspace(-width / 2, width / 2, round(width / step) + 1),
        cells=cells,
    )
    names = {
        "left": lambda p: p[0] < -length / 2 + 1e-9,
        "right": lambda p: p[0] > length / 2 - 1e-9,
    }
    for name, side, at in (("t1", 1, -0.75), ("t2", 1, 0.75), ("b1", -1, -0.75), ("b2", -1, 0.75)):
        names[name] = lambda p, side=side, at=at: (
            (side * p[1] > width / 2 - 1e-9) & (abs(p[0] - at) < 0.25)
        )
    return mesh.with_boundaries(names)


@pytest.fixture(scope="session")
def bar() -> Callable[..., Any]:
    """``bar(material=..., order=..., cells=..., step=..., contacts=..., **options)``: a Problem on
    the bar, L_m = 1.
    """
    import ohmr_fem as of
    from validation.case import simple_material

    def make(
        material: Any = None,
        order: int = 2,
        cells: str = "triangle",
        step: float = 0.25,
        contacts: Any = ("left", "right", "t1", "t2", "b1", "b2"),
        **options: Any,
    ) -> Any:
        return of.Problem(
            _hall_bar(cells, step),
            simple_material() if material is None else material,
            contacts,
            order=order,
            **options,
        )

    return make


# -- pages in a browser


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """A browser for all tests of this process; they are skipped where none is installed."""
    from validation.browser import browser
    from validation.case import Skipped

    with contextlib.ExitStack() as stack:
        try:
            opened = stack.enter_context(browser())
        except Skipped as reason:
            pytest.skip(str(reason))
        yield opened


#: Text whose colour is too near to that of the page, pictures not shown, a page that scrolls aside.
ILLEGIBLE = """(() => {
  const light = (c) => {
    const part = c.match(/[\\d.]+/g).map(Number).slice(0, 3).map((v) => v / 255);
    const linear = part.map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
  };
  const paper = light(getComputedStyle(document.body).backgroundColor);
  const found = [];
  for (const one of document.body.querySelectorAll("*")) {
    const style = getComputedStyle(one);
    const said = `${one.tagName} ${one.textContent.slice(0, 30)}`;
    const written = [...one.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    const drawn = one.namespaceURI.endsWith("svg");
    const ink = written ? light(drawn ? style.fill : style.color) : 0;
    const contrast = (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
    if (written && one.tagName !== "BUTTON" && contrast < 4.5) found.push(`pale: ${said}`);
    if (one.tagName === "IMG" && !one.naturalWidth) found.push(`no picture: ${one.alt}`);
  }
  if (document.documentElement.scrollWidth > innerWidth) found.push("too wide");
  return found;
})()"""


@pytest.fixture
def legible(chromium: Any, tmp_path: Path) -> Callable[..., None]:
    """``legible(page)``: light, dark, on a telephone and on paper; nothing is loaded."""

    def check(page: Path, state: str = "") -> None:
        before = len(chromium.complaints), len(chromium.loads)
        for scheme, width in (("light", 1100), ("dark", 1100), ("light", 420)):
            chromium.look(scheme, width)
            chromium.open(page, state)
            assert chromium.value(ILLEGIBLE) == [], (scheme, width)
        assert chromium.printed(tmp_path / "page.pdf").read_bytes().startswith(b"%PDF")
        assert (chromium.complaints, chromium.loads) == (
            chromium.complaints[: before[0]],
            chromium.loads[: before[1]],
        )

    return check


# -- what the run says at its end


def room_of(nodeid: str) -> str:
    """tests/<room>/..., or the file where it lies in no room."""
    parts = nodeid.split("::")[0].split("/")
    return parts[1] if parts[0] == "tests" and len(parts) > 1 else parts[0]


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Seconds of work by room, and one table of what could not run here and why.

    Under pytest-xdist only the controller has a terminal; the reports of all workers reach it.
    """
    seconds: dict[str, float] = collections.defaultdict(float)
    tests: collections.Counter[str] = collections.Counter()
    absent: dict[str, list[str]] = collections.defaultdict(list)
    reports = [r for group in terminalreporter.stats.values() for r in group]
    for report in reports:
        if not hasattr(report, "duration"):  # a warning
            continue
        room = room_of(report.nodeid)
        seconds[room] += report.duration
        tests[room] += getattr(report, "when", "") == "call"
        if report.skipped:
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
            absent[str(reason).removeprefix("Skipped: ").splitlines()[0]].append(room)
    write = terminalreporter.write_line
    terminalreporter.section("seconds by room")
    for room, spent in sorted(seconds.items(), key=lambda item: -item[1]):
        write(f"{room:24}{spent:8.1f} s {tests[room]:6} tests")
    write(f"{'together':24}{sum(seconds.values()):8.1f} s {sum(tests.values()):6} tests")
    terminalreporter.section("what could not run here")
    for reason, rooms in sorted(absent.items()):
        write(f"{len(rooms):4} in {', '.join(sorted(set(rooms)))}: {reason}")
    if not absent:
        write("nothing: every test was run")
