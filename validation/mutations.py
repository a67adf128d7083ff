"""Break one kernel line at a time and see the suite notice: ``python -m validation.mutations [--list] [--only N] [NAME ...]``.

Each mutant is applied to a copy of the package; the cheapest cases that should notice are run against it, and must pass
without it.  The exit code is 0 only if every mutant is caught.  A text to replace must occur exactly once, so that the list
cannot rot, and a mutant that does not even run counts as not applied.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
CHECK = """
import importlib, sys, warnings
warnings.simplefilter("ignore")
for name in sys.argv[1:]:
    for row in importlib.import_module("validation." + name).run("quick"):
        if not row.passed:
            sys.exit(f"{name}: {row.quantity}")
"""


@dataclass(frozen=True)
class Mutant:
    """One changed line: file of ohmr_fem, text, replacement, and who should notice (cases, or test files)."""

    name: str
    file: str
    old: str
    new: str
    hunters: tuple[str, ...]


MUTANTS = (
    Mutant("sign of the curl form", "forms.py", "u.grad[0] * v.grad[1] - u.grad[1] * v.grad[0]",
           "u.grad[1] * v.grad[0] - u.grad[0] * v.grad[1]", ("tests/test_forms.py",)),
    Mutant("curl form symmetrised", "forms.py", "u.grad[0] * v.grad[1] - u.grad[1]", "u.grad[0] * v.grad[1] + u.grad[1]",
           ("tests/test_system.py",)),
    Mutant("stiffness doubled", "forms.py", "w.a * dot(grad(u), grad(v))", "2 * w.a * dot(grad(u), grad(v))", ("strip",)),
    Mutant("factor 1/2 of the torque dropped", "coefficients.py", "half_g = 0.5 * ELEMENTARY_CHARGE",
           "half_g = 1.0 * ELEMENTARY_CHARGE", ("strip_tensor",)),
    Mutant("relaxation rate inverted", "coefficients.py", "1.0 / at(\"relaxation_time\"", "1.0 * at(\"relaxation_time\"",
           ("edges",)),
    Mutant("detector reads the transposed tensor row of X_dd", "coefficients.py",
           "self.half_g_x[c, d] / self.half_g_x[c, c]", "self.half_g_x[c, d] / self.half_g_x[d, d]", ("strip_tensor",)),
    Mutant("torque transposed", "system.py", "cross[a, c] * X[c][d]", "cross[c, a] * X[c][d]", ("strip_tensor",)),
    Mutant("X on the wrong side of [B]x", "system.py", "cross[a, c] * X[c][d]", "cross[c, d] * X[a][c]", ("strip_tensor",)),
    Mutant("off-diagonal of X dropped", "system.py", "X[a][d] = X[d][a] = self.matrix", "X[a][d] = self.matrix",
           ("strip_tensor",)),
    Mutant("sign of the drive of a film", "system.py", "else (i, 1, -1.0)", "else (i, 1, 1.0)", ("sections",)),
    Mutant("film moves the wrong component", "system.py", "else (i, 1, -1.0)", "else (i, 2, -1.0)", ("strip_tensor",)),
    Mutant("inverse effect with the direct angle", "system.py", "self.slope(i, c.alpha_inverse * c.diffusion",
           "self.slope(i, c.alpha * c.diffusion", ("edges",)),
    Mutant("orbital Hall source without sigma", "system.py",
           "self.matrix(forms.curl, c.alpha * c.sigma / self.scales.conductivity)", "self.matrix(forms.curl, c.alpha)",
           ("tests/test_solve.py", "manufactured")),
    Mutant("absorption dropped", "system.py", "for r in self.relaxation]) + self.edges.absorption)",
           "for r in self.relaxation]))", ("edges",)),
    Mutant("absorption scaled by the square of the length", "system.py", "unit = scales.length / scales.diffusion",
           "unit = scales.length**2 / scales.diffusion", ("tests/test_system.py", "manufactured")),
    Mutant("injected moment reversed", "system.py", "np.outer(moment.injected, forms",
           "np.outer(-np.array(moment.injected), forms",
           ("tests/test_solve.py", "manufactured")),
    Mutant("absorbing edge forgotten", "system.py", "absorbed[:, basis.get_dofs(facets).all()] = True",
           "absorbed[:1, basis.get_dofs(facets).all()] = True", ("edges",)),
    Mutant("orbital potential with the wrong sign", "solve.py", "(-(T.T @ (s.C @ n)))", "(T.T @ (s.C @ n))",
           ("four_terminal",)),
    Mutant("source of the moment with the wrong sign", "solve.py", "- system.S @ potential)", "+ system.S @ potential)",
           ("four_terminal",)),
    Mutant("coupling of the full block halved", "solve.py", "[P.T @ system.S @ T, A]", "[0.5 * (P.T @ system.S @ T), A]",
           ("nonlocal_strip",)),
    Mutant("change from B = 0 with the wrong sign", "observables.py", "solver.solve(-(self.system.torque(field) @ zero.n))",
           "solver.solve(self.system.torque(field) @ zero.n)", ("tests/test_observables.py",)),
    Mutant("pole of the torque: sign of the linear term", "spectral.py", "/ rate - first[:, None]", "/ rate + first[:, None]",
           ("tests/test_spectral.py",)),
    Mutant("pole of the torque: precession squared dropped", "spectral.py", "both = rate**2 + squared",
           "both = rate**2 + 0 * squared", ("figure2",)),
    Mutant("infinity left out of gamma", "lanczos.py", "np.maximum(np.maximum(shift / np.abs(s), 1.0), inside)",
           "np.maximum(shift / np.abs(s), inside)", ("tests/test_lanczos.py",)),
    Mutant("weights of the projection not divided", "lanczos.py", "/ np.sqrt(theta)[:, None]", "/ theta[:, None]",
           ("tests/test_lanczos.py",)),
    Mutant("change on the reduced basis with the wrong sign", "reduced.py", "-np.tensordot(field, self.slopes, 1) @ zero",
           "np.tensordot(field, self.slopes, 1) @ zero", ("tests/test_reduced.py",)),
    Mutant("dual residual left out of the estimate", "reduced.py", "np.sum(weight * primal**2) * np.sum(weight * dual**2)",
           "np.sum(weight * primal**2) * 0", ("tests/test_reduced.py",)),
    Mutant("precession squared with the wrong sign", "material.py", "-0.5 * np.trace(T @ T", "0.5 * np.trace(T @ T",
           ("tests/test_material.py",)),
    Mutant("cross product transposed", "material.py", "out[..., 0, 1], out[..., 0, 2] = -b[..., 2], b[..., 1]",
           "out[..., 0, 1], out[..., 0, 2] = b[..., 2], -b[..., 1]", ("strip_tensor",)),
    Mutant("current density with the wrong curl", "solution.py", "eps[0, 1, 2] = eps[1, 2, 0] = eps[2, 0, 1] = 1.0",
           "eps[0, 1, 2] = eps[1, 2, 0] = eps[2, 0, 1] = -1.0", ("tests/test_solution.py",)),
    Mutant("slope of a cross-section in one direction alone", "forms.py", "for i in range(v.grad.shape[0])",
           "for i in range(1)", ("tests/test_forms.py",)),
    Mutant("values on cells in the order of the mesh", "coefficients.py", "np.searchsorted(members, cells[rows])",
           "np.arange(len(rows))", ("tests/test_coefficients.py",)),
    Mutant("theta over X_xx", "material.py", 'to_si(theta, "1", "theta") * X[1, 1]', 'to_si(theta, "1", "theta") * X[0, 0]',
           ("tests/test_material.py",)),
    Mutant("balance of the currents absolute", "drive.py", "> CURRENT_BALANCE * largest", "> CURRENT_BALANCE",
           ("tests/test_drive.py",)),
    Mutant("inverse effect of a section reversed", "system.py", "out[d] += sign * self.slope(i, c.alpha_inverse",
           "out[d] -= sign * self.slope(i, c.alpha_inverse", ("strip",)),
    Mutant("rate without the square of the length", "system.py", "return self.scales.length**2 / self.scales.diffusion",
           "return self.scales.length / self.scales.diffusion", ("tests/test_system.py",)),
    Mutant("current profile not normalised", "system.py", "a=weight / total)", "a=weight)", ("tests/test_system.py",)),
    Mutant("only one of the held contacts held", "system.py", "list(columns))", "[min(columns)])", ("tests/test_solve.py",)),
    Mutant("held potentials reversed", "solve.py", "lifted += value *", "lifted -= value *", ("tests/test_solve.py",)),
    Mutant("held potentials drive nothing", "solve.py", "- system.K @ lifted))", "- 0 * system.K @ lifted))",
           ("tests/test_solve.py",)),
    Mutant("contact currents without the inverse effect", "solution.py", "s.K @ V + s.C @ n.ravel()", "s.K @ V",
           ("tests/test_solution.py",)),
    Mutant("outflow through absorbing edges reversed", "solution.py", "each(robin) - each(np.where",
           "each(robin) + each(np.where", ("tests/test_solution.py",)),
    Mutant("moment current of linear coupling driven by all of V", "solution.py",
           'V if self.problem.coupling == "full" else', "V if True else", ("tests/test_solution.py",)),
    Mutant("growth taken for decay", "checks.py", "- max(-squared, 0.0) ** 0.5", "+ max(-squared, 0.0) ** 0.5",
           ("tests/test_checks.py",)),
    Mutant("edges do not help against growth", "checks.py", "local + lowest_diffusive_rate(system)", "local",
           ("tests/test_checks.py",)),
    Mutant("absorption by component taken for harmless", "checks.py", "[0] < -1e-12 * max(law)", "[0] < -1e12 * max(law)",
           ("tests/test_checks.py",)),
    Mutant("only the strongest field of a sweep looked at", "checks.py", "np.unique(directions, axis=0",
           "np.unique(0 * directions, axis=0", ("tests/test_sweep.py",)),
    Mutant("decay length without the field", "checks.py", "squared = -0.5 * np.einsum(", "squared = -0.0 * np.einsum(",
           ("tests/test_checks.py",)),
    Mutant("triangles half as high", "checks.py", "mesh.t.shape[0] == 4 else 2.0", "mesh.t.shape[0] == 4 else 1.0",
           ("tests/test_checks.py",)),
    Mutant("stationary point left out of gamma", "lanczos.py", "np.where(w > 0, np.abs(w + shift)",
           "np.where(w > 1e99, np.abs(w + shift)", ("tests/test_lanczos.py",)),
    Mutant("bound with one residual twice", "lanczos.py", "self.residual_norm(i, s) * self.residual_norm(j, s)",
           "self.residual_norm(i, s) ** 2", ("tests/test_lanczos.py",)),
    Mutant("residual without the distance to the shift", "lanczos.py", "self.weights[:, i] * (s - self.shift)",
           "self.weights[:, i] * (0 * s + self.shift)", ("tests/test_lanczos.py",)),
    Mutant("frequency with the wrong sign", "spectral.py", "1.0 - 2j * np.pi * nu", "1.0 + 2j * np.pi * nu",
           ("tests/test_spectral.py::test_alternating_field",)),
    Mutant("bound of a frequency not asked for", "spectral.py", "self._check(several, s)", "self._check(several)",
           ("tests/test_spectral.py::test_frequencies_beyond_the_range_are_refused",)),
    Mutant("diffusion length not squared", "spectral.py", "(self.material.diffusion_length / self.reference_length) ** 2",
           "(self.material.diffusion_length / self.reference_length) ** 1",
           ("tests/test_spectral.py::test_another_material_is_a_fresh_measure",)),
    Mutant("growth limit of reflecting edges", "spectral.py", "limit = 1.0 + self.slowest * ",
           "limit = 1.0 + 0 * self.slowest * ", ("tests/test_spectral.py::test_negative_theta_up_to_the_instability",)),
    Mutant("moment density turned the wrong way", "spectral.py", "- (T @ z) / (rate**2 + squared)",
           "+ (T @ z) / (rate**2 + squared)", ("tests/test_spectral.py::test_moment_density",)),
    Mutant("rho* with the wrong sign", "sweep.py", "-change / zero)", "change / zero)", ("tests/test_sweep.py",)),
    Mutant("magnetoresistance with the wrong sign", "observables.py", "[-change / measurement.base",
           "[change / measurement.base", ("strip",)),
)


def copy_to(work: Path) -> None:
    shutil.rmtree(work, ignore_errors=True)
    for name in ("ohmr_fem", "validation", "tests", "meshes"):
        shutil.copytree(ROOT / name, work / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", work)


def apply_to(work: Path, mutant: Mutant) -> None:
    path = work / "ohmr_fem" / mutant.file
    text = path.read_text(encoding="utf-8")
    if text.count(mutant.old) != 1 or mutant.new == mutant.old:
        raise SystemExit(f"{mutant.name}: the text {mutant.old!r} occurs {text.count(mutant.old)} times in {mutant.file}, "
                         "expected once")
    path.write_text(text.replace(mutant.old, mutant.new), encoding="utf-8")


def failure_of(hunter: str, work: Path) -> str:
    """What a case or test file says against the package in a folder; "" if it passes."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", hunter]
    if not hunter.startswith("tests/"):
        command = [sys.executable, "-c", CHECK, hunter]
    environment = {**os.environ, "PYTHONPATH": str(work), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, cwd=work, env=environment, capture_output=True, text=True)
    said = [*done.stdout.strip().splitlines(), *done.stderr.strip().splitlines()]
    if done.returncode not in (0, 1) or any("SyntaxError" in line or "NameError" in line for line in said):
        raise SystemExit(f"{hunter} did not run: {' '.join(said[-3:])[-300:]}")
    failed = [line for line in said if line.startswith("FAILED")]
    return f"{hunter}: {(failed or said or ['crash'])[-1][:100]}" if done.returncode else ""


def hunt(mutant: Mutant, work: Path, sound: set[str]) -> tuple[str, float]:
    """What caught the mutant ("" if nothing did) and the seconds it took; ``sound`` hunters are known to pass without it."""
    for hunter in [h for h in mutant.hunters if h not in sound]:
        copy_to(work)
        wrong = failure_of(hunter, work)
        if wrong:
            raise SystemExit(f"fails without any mutant: {wrong}")
        sound.add(hunter)
    copy_to(work)
    apply_to(work, mutant)
    start = time.perf_counter()
    caught = next(filter(None, (failure_of(hunter, work) for hunter in mutant.hunters)), "")
    return caught, time.perf_counter() - start


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m validation.mutations", description=__doc__)
    parser.add_argument("--list", action="store_true", help="say which mutants there are")
    parser.add_argument("--only", type=int, metavar="N", help="number of one mutant, as --list counts them")
    parser.add_argument("names", nargs="*", help="mutants whose name contains one of these; by default all")
    options = parser.parse_args(arguments)
    chosen = [(k, m) for k, m in enumerate(MUTANTS, 1) if options.only in (None, k) and
              (not options.names or any(n in m.name for n in options.names))]
    if not chosen:
        parser.error(f"no such mutant; there are {len(MUTANTS)}, see --list")
    if options.list:
        print(*(f"{k:3d} {m.file}: {m.name}" for k, m in chosen), sep="\n")
        return 0
    survivors, sound = 0, set[str]()
    with tempfile.TemporaryDirectory() as folder:
        for number, mutant in chosen:
            caught, seconds = hunt(mutant, Path(folder) / "work", sound)
            survivors += not caught
            verdict = "caught  " if caught else "SURVIVED"
            print(f"{number:3d} {verdict} {seconds:5.1f} s  {mutant.file}: {mutant.name}  <- {caught}", flush=True)
    print(f"{len(chosen) - survivors} of {len(chosen)} mutants caught")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
