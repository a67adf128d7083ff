"""Break one kernel line at a time and see the suite notice: ``python -m validation.mutations [--list] [NAME ...]``.

Each mutant is applied to a copy of the package; the cheapest cases that should notice are run against it.  The exit code
is 0 only if every mutant is caught.  A text to replace must occur exactly once, so that the list cannot rot.
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
           "u.grad[1] * v.grad[0] - u.grad[0] * v.grad[1]", ("manufactured",)),
    Mutant("curl form symmetrised", "forms.py", "u.grad[0] * v.grad[1] - u.grad[1]", "u.grad[0] * v.grad[1] + u.grad[1]",
           ("manufactured",)),
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
           ("manufactured",)),
    Mutant("absorption dropped", "system.py", "for r in self.relaxation]) + self.edges.absorption)",
           "for r in self.relaxation]))", ("edges",)),
    Mutant("absorption scaled by the square of the length", "system.py", "unit = scales.length / scales.diffusion",
           "unit = scales.length**2 / scales.diffusion", ("manufactured", "edges")),
    Mutant("injected moment reversed", "system.py", "np.outer(moment.injected, forms",
           "np.outer(-np.array(moment.injected), forms",
           ("manufactured", "edges")),
    Mutant("absorbing edge forgotten", "system.py", "absorbed[:, basis.get_dofs(facets).all()] = True",
           "absorbed[:1, basis.get_dofs(facets).all()] = True", ("edges",)),
    Mutant("orbital potential with the wrong sign", "solve.py", "(-(T.T @ (s.C @ n)))", "(T.T @ (s.C @ n))",
           ("four_terminal",)),
    Mutant("source of the moment with the wrong sign", "solve.py", "- system.S @ potential)", "+ system.S @ potential)",
           ("four_terminal",)),
    Mutant("coupling of the full block halved", "solve.py", "[P.T @ system.S @ T, A]", "[0.5 * (P.T @ system.S @ T), A]",
           ("nonlocal_strip",)),
    Mutant("change from B = 0 with the wrong sign", "observables.py", "solver.solve(-(self.system.torque(field) @ zero.n))",
           "solver.solve(self.system.torque(field) @ zero.n)", ("tests/test_observables.py", "tests/test_sweep.py")),
    Mutant("pole of the torque: sign of the linear term", "spectral.py", "/ rate - first[:, None]", "/ rate + first[:, None]",
           ("tests/test_reduced.py",)),
    Mutant("pole of the torque: precession squared dropped", "spectral.py", "both = rate**2 + squared",
           "both = rate**2 + 0 * squared", ("figure2",)),
    Mutant("infinity left out of gamma", "lanczos.py", "np.maximum(np.maximum(shift / np.abs(s), 1.0), inside)",
           "np.maximum(shift / np.abs(s), inside)", ("tests/test_lanczos.py",)),
    Mutant("weights of the projection not divided", "lanczos.py", "/ np.sqrt(theta)[:, None]", "/ theta[:, None]", ("figure2",)),
    Mutant("change on the reduced basis with the wrong sign", "reduced.py", "-np.tensordot(field, self.slopes, 1) @ zero",
           "np.tensordot(field, self.slopes, 1) @ zero", ("tests/test_reduced.py",)),
    Mutant("dual residual left out of the estimate", "reduced.py", "np.sum(weight * primal**2) * np.sum(weight * dual**2)",
           "np.sum(weight * primal**2) * 0", ("tests/test_reduced.py",)),
    Mutant("precession squared with the wrong sign", "material.py", "-0.5 * np.trace(T @ T", "0.5 * np.trace(T @ T",
           ("figure2",)),
    Mutant("cross product transposed", "material.py", "out[..., 0, 1], out[..., 0, 2] = -b[..., 2], b[..., 1]",
           "out[..., 0, 1], out[..., 0, 2] = b[..., 2], -b[..., 1]", ("strip_tensor",)),
    Mutant("current density with the wrong curl", "solution.py", "eps[0, 1, 2] = eps[1, 2, 0] = eps[2, 0, 1] = 1.0",
           "eps[0, 1, 2] = eps[1, 2, 0] = eps[2, 0, 1] = -1.0", ("tests/test_solution.py",)),
)


def hunt(mutant: Mutant, folder: Path) -> tuple[str, float]:
    """What caught the mutant ("" if nothing did) and the seconds it took."""
    work = folder / "work"
    shutil.rmtree(work, ignore_errors=True)
    for name in ("ohmr_fem", "validation", "tests", "meshes"):
        shutil.copytree(ROOT / name, work / name, ignore=shutil.ignore_patterns("__pycache__"))
    path = work / "ohmr_fem" / mutant.file
    text = path.read_text(encoding="utf-8")
    if text.count(mutant.old) != 1:
        raise SystemExit(f"{mutant.name}: the text {mutant.old!r} occurs {text.count(mutant.old)} times in {mutant.file}, "
                         "expected once")
    path.write_text(text.replace(mutant.old, mutant.new), encoding="utf-8")
    start = time.perf_counter()
    for hunter in mutant.hunters:
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", hunter]
        if not hunter.startswith("tests/"):
            command = [sys.executable, "-c", CHECK, hunter]
        done = subprocess.run(command, cwd=work, env={**os.environ, "PYTHONPATH": str(work)}, capture_output=True, text=True)
        if hunter.startswith("tests/") and done.returncode not in (0, 1):
            raise SystemExit(f"{mutant.name}: {hunter} did not run: {done.stdout[-300:]}{done.stderr[-300:]}")
        if done.returncode != 0:
            said = (done.stderr or done.stdout).strip().splitlines()
            return f"{hunter}: {said[-1][:90] if said else 'crash'}", time.perf_counter() - start
    return "", time.perf_counter() - start


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m validation.mutations", description=__doc__)
    parser.add_argument("--list", action="store_true", help="say which mutants there are")
    parser.add_argument("names", nargs="*", help="mutants whose name contains one of these; by default all")
    options = parser.parse_args(arguments)
    chosen = [m for m in MUTANTS if not options.names or any(n in m.name for n in options.names)]
    if options.list:
        print(*(f"{m.file}: {m.name}" for m in chosen), sep="\n")
        return 0
    survivors = 0
    with tempfile.TemporaryDirectory() as name:
        for mutant in chosen:
            caught, seconds = hunt(mutant, Path(name))
            survivors += not caught
            verdict = "caught  " if caught else "SURVIVED"
            print(f"{verdict} {seconds:5.1f} s  {mutant.file}: {mutant.name}  <- {caught}", flush=True)
    print(f"{len(chosen) - survivors} of {len(chosen)} mutants caught")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
