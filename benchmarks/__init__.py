"""Measured comparisons, side by side in one run: ``python -m benchmarks``.

Everything runs on one thread and is timed in processor seconds, so that a ratio does not depend on
what else the machine does.
"""

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")  # before numpy is imported
