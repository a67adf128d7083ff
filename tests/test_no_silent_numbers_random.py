"""Random devices against scaling, mirror, reciprocity and closed forms."""

from __future__ import annotations

import os

import pytest
from random_devices import CHECKS, check_case

CASES = int(os.environ.get("OHMR_RANDOM_CASES", "500"))
BATCHES = 10


@pytest.mark.parametrize("batch", range(BATCHES))
def test_random_devices(batch):
    """Materials, fields, units and meshes at random; each case is one seed and one check."""
    failed = []
    for seed in range(batch, CASES, BATCHES):
        try:
            check_case(seed)
        except Exception as exc:
            failed.append(f"seed {seed} ({CHECKS[seed % len(CHECKS)].__name__}): {exc!r:.300}")
    assert not failed, f"{len(failed)} failed:\n" + "\n".join(failed[:5])
