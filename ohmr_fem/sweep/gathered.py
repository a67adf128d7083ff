"""Fewer poles that answer as many do: the loads of many poles, spread over a few nodes.

What a pole w answers, at any field, frequency and thickness, is a smooth function of log(w + c), c
the lowest relaxation rate in units of the poles: its singularities lie at imaginary parts of at
least pi/2.  So a sum over poles is one over the points of Chebyshev, with loads by the formula of
Lagrange in its barycentric form.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

#: Nodes for each factor e in the rates, and besides: 1e-9 of the response; measured.
NODES, BESIDES = 6.0, 12
#: Loads below this times the largest one are nothing.
NOTHING = 1e-13


@dataclass(frozen=True, eq=False)
class Gathered:
    """Nodes (n,) in the units of the rates, and loads (n, p)."""

    rates: np.ndarray
    loads: np.ndarray

    @classmethod
    def of(cls, rates: np.ndarray, loads: np.ndarray, least: float) -> Gathered:
        """Of poles (m,) and loads (m, p); ``least`` is the lowest relaxation rate asked for, in the
        units of the rates.  The poles themselves where they are no more than the nodes would be.
        """
        if len(rates) <= BESIDES:
            return cls(rates, loads)
        logs = np.log(rates + least)
        low, high = logs.min(), logs.max()
        count = int(np.ceil(NODES * (high - low))) + BESIDES
        if len(rates) <= count:
            return cls(rates, loads)
        angles = np.pi * (np.arange(count) + 0.5) / count
        nodes = 0.5 * (low + high + (high - low) * np.cos(angles))
        gathered = _shares(logs, nodes, angles).T @ loads
        gathered[np.abs(gathered) < NOTHING * np.abs(gathered).max(initial=0.0)] = 0.0
        return cls(np.exp(nodes) - least, gathered)


def _shares(logs: np.ndarray, nodes: np.ndarray, angles: np.ndarray) -> np.ndarray:
    """What each pole gives to each node, (m, n): Lagrange's polynomials at the poles."""
    signs = np.where(np.arange(len(nodes)) % 2, -1.0, 1.0)
    apart = logs[:, None] - nodes
    hits = apart == 0.0
    shares = signs * np.sin(angles) / np.where(hits, 1.0, apart)
    on_node = hits.any(axis=1)
    shares[on_node] = hits[on_node]
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))
