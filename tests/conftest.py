"""Shared by all tests: the validation suite on the path, and how a refusal must look."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent))


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
    """``with refuses(InputError, "-2", "positive"):`` exactly this class, one line, every fragment in it."""
    return _refuses
