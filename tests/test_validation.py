"""The quick level of the validation suite; the cases live in validation/ alone."""

from __future__ import annotations

import functools
import importlib
import json
import math
import os
import pickle
import re
import subprocess
import sys
import types
import warnings
from pathlib import Path

import pytest

from ohmr_fem.errors import MissingExtraError
from validation.__main__ import main
from validation.case import Row, Skipped
from validation.runner import known_cases

#: Rows that the quick level must not lose.
LEAST = {
    "strip": 17,
    "strip_tensor": 5,
    "nonlocal_strip": 13,
    "four_terminal": 2,
    "edges": 15,
    "sections": 6,
    "annulus": 5,
    "manufactured": 20,
    "invariants": 7,
    "live_page": 7,
    "spectral_device": 12,
    "figure2": 4,
    "manganese": 8,
    "micro_bilayer": 20,
    "micro_convergence": 4,
    "micro_figure3": 8,
    "micro_hamiltonian": 10,
    "micro_routes": 23,
    "ngsolve_device": 2,
    "dynamics": 26,
    "hall": 7,
    "interfaces": 34,
    "drift": 14,
    "adaptivity": 12,
    "fit_backgrounds": 14,
    "fit_recovery": 3,
    "fit_strip_bias": 4,
    "prepare_raw": 11,
    "series_fit": 3,
    "verdict": 2,
    "studies": 3,
    "film_3d": 8,
    "films": 54,
    "two_channels": 9,
}
#: What rows may say instead of an equation when their tolerance is a number of its own, such as
#: seconds.
NOT_RELATIVE = ("coverage", "time")


@pytest.fixture
def result_of(tmp_path_factory):
    """What the runner makes of a case, without its figures; each is run once for all processes."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "validation_rows"
    folder.mkdir(exist_ok=True)

    def result(case):
        known = folder / f"{case}.pickle"
        if not known.exists():
            unfinished = folder / f"{case}.{os.getpid()}"
            unfinished.write_bytes(pickle.dumps(_run(case)))
            unfinished.replace(known)
        return pickle.loads(known.read_bytes())

    return result


def _run(case):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return importlib.import_module(f"validation.{case}").run("quick")
        except (Skipped, MissingExtraError) as reason:
            return str(reason)


@pytest.mark.slow
@pytest.mark.parametrize("case", known_cases())
def test_case(case, result_of):
    rows = result_of(case)
    if isinstance(rows, str):
        pytest.skip(rows)
    assert len(rows) >= LEAST.get(case, 1)
    assert all(
        math.isfinite(row.error) and (row.tolerance <= 1.0 or row.equation in NOT_RELATIVE)
        for row in rows
    )
    failed = [
        f"{row.quantity}: {row.value!r} against {row.reference!r}, error {row.error:.3g} > "
        f"{row.tolerance:g}"
        for row in rows
        if not row.passed
    ]
    assert not failed, "\n".join(failed)


def test_a_row_fails_on_nan_and_beyond_its_tolerance():
    row = functools.partial(Row, "case", "equation", "quantity", 1.0, 1.0)
    assert (
        row(1e-3, 1e-3).passed
        and not row(1.1e-3, 1e-3).passed
        and not row(float("nan"), 1.0).passed
    )


def test_order_row_falls_short():
    from validation.case import order_row

    def case(power):
        return order_row("case", "equation", "quantity", lambda n: n**-power, (4, 8, 16), 3)

    assert case(3.0).passed and case(4.0).passed and not case(2.5).passed
    with pytest.raises(ValueError, match="round-off"):
        order_row("case", "equation", "quantity", lambda n: 1e-16, (4, 8), 3, floor=1e-12)


def test_every_mutant_still_has_its_line():
    from validation.mutants import MUTANTS, Mutant
    from validation.mutations import stale

    assert not stale() and len({m.name for m in MUTANTS}) == len(MUTANTS) >= 30
    assert stale((Mutant("gone", "solver/forms.py", "no such text", "x", ()),))


# -- the runner


@pytest.fixture
def suite(monkeypatch, tmp_path, capsys):
    """Runs made-up cases; gives the exit code, what was printed, the JSON and the page."""

    def play(jobs=1, **cases):
        for name, body in cases.items():
            module = types.ModuleType(f"validation.{name}", "A made-up case.\n\nMore.")
            module.run = body
            monkeypatch.setitem(sys.modules, module.__name__, module)
        monkeypatch.setattr("validation.__main__.known_cases", lambda: list(cases))
        monkeypatch.setattr("validation.runner.START", "fork")
        code = main(["--quick", "--out", str(tmp_path), "--jobs", str(jobs), *cases])
        return (
            code,
            capsys.readouterr().out,
            json.loads((tmp_path / "report.json").read_text()),
            (tmp_path / "report.html").read_text(),
        )

    return play


def good(level):
    return [Row("case", "Eq. (1)", "good", 1.0, 1.0, 0.0, 1e-9, ((4.0, 1e-2), (8.0, 1e-3)))]


def bad(level):
    wrong = {"bad": 1.0, "nan": math.nan}
    return [
        *good(level),
        *(Row("case", "Eq. (1)", name, 2.0, 1.0, error, 1e-9) for name, error in wrong.items()),
    ]


def crash(level):
    raise ZeroDivisionError("one <over> zero")


def missing(level):
    raise Skipped("a program is not installed")


def extra(level):
    raise MissingExtraError("a package is needed; install it with pip")


def test_all_is_well(suite):
    code, said, content, page = suite(first=good, second=good)
    assert code == 0 and "2 passed, 0 failed, 0 crashed, 0 skipped" in said
    assert [c["name"] for c in content["cases"]] == ["first", "second"] and content["environment"][
        "numpy"
    ]
    assert "A made-up case." in page and "2 of 2 rows pass" in page


def test_a_failing_and_a_crashing_case_do_not_stop_the_rest(suite):
    code, said, content, page = suite(first=bad, second=crash, third=good)
    assert code == 1 and "2 passed, 2 failed, 1 crashed, 0 skipped" in said
    assert "FAILED bad: 2 against 1" in said and "ZeroDivisionError: one <over> zero" in said
    assert [len(c["rows"]) for c in content["cases"]] == [3, 0, 1] and "in crash" in content[
        "cases"
    ][1]["error"]
    assert "one &lt;over&gt; zero" in page and page.count(">FAIL<") == 2


#: A script, as processes that are spawned read it again; forks would inherit locks of threads.
KILLING = """
import os, sys, types
sys.path.insert(0, {tests!r})
from test_validation import bad, good

def die(level):
    os._exit(3)

cases = dict(first=good, second=die, third=good, fourth=bad)
for name, body in cases.items():
    module = types.ModuleType("validation." + name, "A made-up case.")
    module.run = body
    sys.modules[module.__name__] = module

if __name__ == "__main__":
    from validation import __main__
    __main__.known_cases = lambda: list(cases)
    sys.exit(__main__.main(["--quick", "--out", {out!r}, "--jobs", "2", *cases]))
"""


def test_a_case_that_kills_its_process_does_not_stop_the_rest(tmp_path):
    here = Path(__file__).parent
    script = tmp_path / "play.py"
    script.write_text(KILLING.format(tests=str(here), out=str(tmp_path)), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(script)],
        env={**os.environ, "PYTHONPATH": str(here.parent)},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 1, done.stderr
    assert "3 passed, 2 failed, 1 crashed, 0 skipped" in done.stdout
    assert "the process died" in done.stdout
    content = json.loads((tmp_path / "report.json").read_text())
    assert [len(c["rows"]) for c in content["cases"]] == [1, 0, 1, 3]


def test_a_missing_program_is_skipped_and_counted(suite):
    code, said, content, page = suite(first=missing, second=good, third=extra)
    assert (
        code == 0
        and "1 passed, 0 failed, 0 crashed, 2 skipped" in said
        and "install it with" in said
    )
    assert (
        content["cases"][0]["skipped"] == "a program is not installed"
        and "Skipped: a program is not installed" in page
    )


def test_the_page_holds_its_figures_and_needs_no_network(suite):
    page = suite(first=good)[3]
    assert page.count("<img") == 1 and "data:image/svg+xml;base64," in page
    assert not re.search(r"(src|href)=.(?!data:)", page) and "http" not in page


def test_an_unknown_case_is_refused(capsys):
    with pytest.raises(SystemExit):
        main(["no_such_case"])
    assert "unknown case 'no_such_case'; known: strip" in capsys.readouterr().err


# -- which row checks what


def test_every_equation_has_its_rows(result_of):
    """Rows of the quick level; what only the full level has must at least stand in the text of its
    case.
    """
    from validation.coverage import CLAIMS, PRINTS, Claim

    here = Path(__file__).parent
    for claim in (*CLAIMS, *PRINTS):
        found = 0
        for case, text in claim.places:
            rows = result_of(case)
            if isinstance(rows, str):
                found += 1
                continue
            matched = sum(text in row.quantity or text == row.equation for row in rows)
            found += matched
            assert matched or text in (here.parent / "validation" / f"{case}.py").read_text(), (
                case,
                text,
            )
        assert found, claim
        for test in claim.tests if isinstance(claim, Claim) else ():
            file, name = test.split("::")
            assert f"def {name}(" in (here.parent / file).read_text(), test


def test_a_place_without_rows_is_said():
    from validation.coverage import joined, unmatched

    row = {
        "equation": "Eq. (7)",
        "quantity": "rho, default mesh",
        "error": 1.0,
        "tolerance": 0.5,
        "passed": False,
        "value": 1.0,
    }
    cases = [{"name": "strip", "rows": [row]}]
    assert any("profile" in text for text in unmatched(cases)) and not any(
        "rho, default" in text for text in unmatched(cases)
    )
    seven = next(c for c in joined(cases) if c["equation"] == "Eq. (7)")
    assert (
        seven["rows"] == 1 and not seven["passed"] and seven["worst"] == "strip: rho, default mesh"
    )
