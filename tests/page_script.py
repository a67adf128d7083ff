"""The script of a page run by node, for the tests of pages; a bar, its pair of contacts, fields."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ohmr_fem.output.page import evaluator

NODE = shutil.which("node")
needs_node = pytest.mark.skipif(NODE is None, reason="node is not installed")
PAIR = {"current": ("left", "right"), "voltage": ("t1", "t2")}
CONTACTS = ["left", "right", "t1", "t2", "b1", "b2"]
FIELDS = np.array(
    [[0, 0, 0], [0.3, 0, 0], [0.2, -0.1, 0], [0.05, 0.01, 0.3], [0, 0, 0.5], [1e-4, 0, 0]]
)
RUN = """
const given = JSON.parse(require("fs").readFileSync(process.argv[2]));
console.log(JSON.stringify(given.map(({ measure, changes, more, fields }) => {
  const evaluate = prepare(measure, { ...measure.material, ...changes }, more);
  return fields.map((B) => { const r = evaluate(B); return [r.delta, r.change, [r.ohmic, 0]]; });
})));"""


def by_node(*arguments: str) -> str:
    """What a script prints."""
    done = subprocess.run([str(NODE), *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def job(measure: Any, changes: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    """One evaluation of :func:`by_script`, at FIELDS."""
    content = json.loads(json.dumps(measure.content()))
    return {"measure": content, "changes": changes, "more": more, "fields": FIELDS.tolist()}


def by_script(folder: Path, jobs: list[dict[str, Any]]) -> np.ndarray:
    """delta_R, R(B) - R(0) and R_ohmic as the script says, complex (jobs, fields, 3)."""
    script, given = folder / "run.js", folder / "given.json"
    script.write_text(evaluator() + RUN)
    given.write_text(json.dumps(jobs))
    found = json.loads(by_node(str(script), str(given)))
    return np.array(found) @ np.array([1.0, 1j])
