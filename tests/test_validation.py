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

import numpy as np
import pytest

from ohmr_fem.errors import MissingExtraError
from validation.__main__ import main
from validation.case import Row, Skipped
from validation.independence import (
    TRACES,
    closed_forms_watched,
    fault_of,
    imports_of,
    judged,
    route,
    watched_names,
)
from validation.runner import known_cases

#: Rows that the quick level must not lose.
LEAST = {
    "strip": 19,
    "strip_tensor": 5,
    "nonlocal_strip": 13,
    "four_terminal": 2,
    "edges": 15,
    "sections": 6,
    "annulus": 5,
    "manufactured": 20,
    "invariants": 7,
    "live_page": 7,
    "live_page_channels": 6,
    "spectral_device": 12,
    "figure2": 9,
    "manganese": 16,
    "micro_bilayer": 30,
    "micro_convergence": 4,
    "micro_figure3": 8,
    "micro_hamiltonian": 10,
    "micro_routes": 23,
    "ngsolve_device": 2,
    "ngsolve_channels": 4,
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
    "film_3d": 10,
    "film_channels_3d": 4,
    "films": 54,
    "two_channels": 9,
    "operators": 11,
    "operator_bands": 17,
    "pauli_bilayer": 13,
    "strip_ode": 19,
    "coefficients": 15,
    "pads": 2,
}
#: What rows may say instead of an equation when their tolerance is a number of its own, such as
#: seconds.
NOT_RELATIVE = ("coverage", "time")


@pytest.fixture
def result_of(found_by):
    """The rows of a case, or why there are none."""

    def rows(case):
        found = found_by(case)
        return found if isinstance(found, str) else found[0]

    return rows


@pytest.fixture
def found_by(tmp_path_factory):
    """Rows of a case and what their routes share; each is run once for all processes."""
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
        before = watched_names()
        module = importlib.import_module(f"validation.{case}")
        try:
            with closed_forms_watched():
                rows = module.run("quick")
        except (Skipped, MissingExtraError) as reason:
            return str(reason)
        entered = {r for r, count in watched_names().items() if count > before.get(r, 0)}
        shared = [found["fault"] for found in judged(rows, module, entered)]
        return rows, [fault for fault in shared if fault]


@pytest.mark.slow
@pytest.mark.parametrize("case", known_cases())
def test_case(case, found_by):
    found = found_by(case)
    if isinstance(found, str):
        pytest.skip(found)
    rows, shared = found
    assert not shared
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
            module.ROUTES, module.__file__ = {"": ("one", "law: made up")}, __file__
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
import test_validation
from test_validation import bad, good

def die(level):
    os._exit(3)

cases = dict(first=good, second=die, third=good, fourth=bad)
for name, body in cases.items():
    module = types.ModuleType("validation." + name, "A made-up case.")
    module.run = body
    module.ROUTES, module.__file__ = {{"": ("one", "law: made up")}}, test_validation.__file__
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
    from validation.statements import Statement, statements

    here = Path(__file__).parent
    for claim in (*CLAIMS, *PRINTS, *(s for s in statements() if s.checks)):
        found = 0
        for case, text in claim.checks if isinstance(claim, Statement) else claim.places:
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


def test_every_place_of_the_paper_is_there_once():
    from validation.statements import statements

    places = [s.place for s in statements()]
    assert len(set(places)) == len(places)
    numbered = [f"Eq. ({n})" for n in range(1, 24)] + [f"(S{n})" for n in range(1, 59)]
    panels = ["1", "2(a)", "2(b)", "2(c)", "2(d)", "3(a)", "3(b)"]
    assert {*numbered, *(f"Figure {p}" for p in panels)} <= set(places)
    assert sum(bool(s.reason) for s in statements()) <= 3


def test_the_page_shows_every_place_with_its_number():
    """docs/coverage.json is written by ``python -m validation --record``."""
    from validation.statements import statements

    kept = json.loads((Path(__file__).parents[1] / "docs/coverage.json").read_text("utf-8"))
    shown = {s["place"]: s for s in kept["statements"]}
    assert list(shown) == [s.place for s in statements()], "run the validation with --record"
    for s in statements():
        assert bool(shown[s.place]["routes"] and shown[s.place]["number"]) == bool(s.checks), (
            s.place
        )
        assert shown[s.place]["errs"] == s.errs and shown[s.place]["passed"]


def test_a_place_without_two_routes_is_open():
    from validation.statements import open_places

    row = {
        "equation": "Eq. (2)",
        "quantity": "f against the matrix function, worst of 12",
        "routes": ["one", "package: other"],
        "inside": True,
        "fault": "",
        "passed": True,
        **{"value": 1.0, "reference": 1.0, "error": 0.0, "tolerance": 1.0},
    }
    cases = [{"name": "strip_tensor", "rows": [row]}]
    assert "(S15): fewer than two routes" not in open_places(cases)  # dynamics did not run
    dynamics = {**row, "quantity": "uniform moment, strip"}
    said = open_places([*cases, {"name": "dynamics", "rows": [dynamics]}])
    assert "(S15): fewer than two routes" in said
    row["inside"] = False
    said = open_places([*cases, {"name": "dynamics", "rows": [dynamics]}])
    assert "(S15): fewer than two routes" not in said


# -- independence of the two routes


def planted(reference):
    """A case with one row whose other route is ``reference``."""
    module = types.ModuleType("validation.planted")
    module.ROUTES = {"": ("one", "planted")}
    TRACES.pop("planted", None)
    value = route("planted")(reference)()
    row = Row("case", "Eq. (1)", "planted", value, value, 0.0, 1e-9)
    return judged([row], module, {"planted"})[0]["fault"]


def test_a_reference_that_calls_the_package_fails_its_row():
    import ohmr_fem as of
    from ohmr_fem import analytic

    assert planted(lambda: float(analytic.strip_response(1.0, 3.0).real)) == ""
    material = of.Material(1.0, 1.0, 0.1, 1.0, diffusion_length=1.0)
    found = planted(lambda: float(material.torque([1.0, 0.0, 0.0])[1, 2]))
    assert "model.material.Material.torque" in found


def test_a_reference_that_is_handed_a_solved_problem_fails_its_row():
    import ohmr_fem as of

    problem = of.Problem(
        of.cross_section(1.0), of.Material(1.0, 1.0, 0.1, 1.0, diffusion_length=1.0)
    )
    TRACES.pop("handed over", None)
    route("handed over")(lambda given: 1.0)(problem)
    row = Row("case", "Eq. (1)", "row", 1.0, 1.0, 0.0, 1e-9)
    assert "Problem" in fault_of(row, ("one", "handed over"), "", {"handed over"})


@pytest.mark.parametrize(
    ("routes", "said"),
    [
        ((), "names no two routes"),
        (("one", "never taken"), "was not taken"),
        (("one", "package: other"), "shares code"),
        (("one", "package: other", "the assembly, held by manufactured"), ""),
        (("one", "digits of nowhere"), "not printed"),
        (("one", "closed form"), "was not taken"),
        (("one", "law: made elsewhere"), "was not taken"),
    ],
)
def test_what_a_row_may_call_its_other_route(routes, said):
    row = Row("case", "Eq. (1)", "row", 1.0, 0.123, 0.0, 1e-9)
    fault = fault_of(row, routes, "analytic.printed = 0.5", set())
    assert said in fault if said else not fault


@pytest.mark.parametrize("other", ["digits of the theory", "law: symmetry"])
def test_digits_stand_in_the_case(other):
    row = Row("case", "Eq. (1)", "row", 1.0, -0.123, 0.0, 1e-9)
    assert not fault_of(row, ("one", other), "printed = 0.123", set())


def of_closed_form(compute):
    """What is said of a row whose reference is computed while closed forms are watched."""
    module = types.ModuleType("validation.planted")
    module.ROUTES = {"": ("one", "closed form")}
    with closed_forms_watched():
        value = compute()
    row = Row("case", "Eq. (1)", "planted", value, value, 0.0, 1e-9)
    return judged([row], module, {"closed form"})[0]["fault"]


def test_a_reference_must_come_out_of_its_closed_form():
    from ohmr_fem import analytic

    def honest():
        return float(np.real(analytic.strip_response(1.0 + 2.0j, 3.0)))

    assert of_closed_form(honest) == ""
    assert "did not come out" in of_closed_form(lambda: 1.1 * honest())


def test_a_closed_form_that_is_handed_the_program_fails_its_row():
    import ohmr_fem as of
    from ohmr_fem import analytic

    material = of.Material(1.0, 1.0, 0.1, 1.0, diffusion_length=1.0)
    scalars = analytic.scalars_of_precession(1.0)

    def shared(s):
        return s * material.torque([1.0, 0.0, 0.0])[1, 2]

    found = of_closed_form(lambda: float(analytic.three_scalar_response(shared, scalars)))
    assert "model.material.Material.torque" in found


FALSE = """
from validation.case import Row
from validation.independence import route
ROUTES = {"": ("one", "planted and falsified")}

@route("planted and falsified")
def reference():
    return 2.0

def run(level):
    own, error = reference(), abs(2.0 - reference())
    held = Row("case", "", "held", 2.0, own, error, 1e-9)
    return [held, Row("case", "", "blind", 2.0, 2.0, 0.0, 1e-9)]
"""


def test_a_row_that_passes_with_a_false_reference_is_named(monkeypatch):
    from validation import falsified

    module = types.ModuleType("validation.planted")
    exec(FALSE, module.__dict__)
    monkeypatch.setattr(falsified, "fresh", lambda name: module)
    assert falsified.unnoticed("planted") == ["planted: blind: passes with a false reference"]


def test_imports_are_seen():
    from validation.independence import PACKAGE

    assert imports_of(PACKAGE / "analytic" / "strip.py") == {"errors", "analytic"}
    assert "solver" in imports_of(PACKAGE / "sweep" / "spectral.py")


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
