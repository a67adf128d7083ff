"""Damage to files, in place: bytes, and what lies within archives, JSON, TOML and netCDF."""

from __future__ import annotations

import contextlib
import io
import json
import random
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

NUMBERS = [b"1e308", b"nan", b"-1", b"0", b"99999999999999999999", b"1e-320", b"inf", b"1,5", b""]
WORDS = [b"\x1b[31m", b"\0", b"\xff\xfe", b"\r", b"$End", b"*ELSET", b"<g>", b"&#1;", b"\n\n"]
#: What a value in a JSON file may become.
ODD: list[Any] = [
    *(None, True, 0, -1, 1.5, 1e308, -1e-320, 10**400, float("nan"), float("inf"), "", "x"),
    *("\x1b[2J", "x" * 5000, [], {}, [1], [[1, 2], [3]], [None], {"x": 1}, "1 km", [1] * 7),
]
#: The same for a TOML file.
VALUES = (
    '0|-1|3|1e308|1e-308|nan|inf|true|""|"x"|[]|{}|[1]|"1 km"|"2 ps"|1e999|"1e400 m"|[1,2,3]|'
    '[[1,2],[3,4]]|"\\u001b[2J"|0.5|1|2|"nan ps"|"left"|["left","right"]|1e-30|1e30|"full"|'
    "1979-05-27|[1,1,-0.25]|{start=0,stop=1,points=10000000000}|{x=1}|[{x=1}]|[[[[1]]]]|"
    '"1 m**(9**9**9)"|"()"|"1 µm"|100000|' + "9" * 400
).split("|")


def of_bytes(path: Path, chance: random.Random) -> None:
    """Cut, doubled, garbled, other numbers and encodings."""
    data = path.read_bytes()
    for _ in range(chance.choice([1, 1, 2, 5])):
        data = _damaged(data, chance)
    path.write_bytes(data)


def _damaged(data: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(data) + 1)
    to = min(len(data), at + chance.choice([1, 4, 40, 400]))
    kind = chance.randrange(8)
    if kind == 0:
        return data[:at]
    if kind == 1:
        return data[:at] + data[to:]
    if kind == 2:
        return data[:to] + data[at:]
    if kind == 3:
        return data[:at] + chance.choice(WORDS) + data[at:]
    if kind == 4:
        return data[:at] + chance.randbytes(to - at) + data[to:]
    if kind == 5:
        return data.decode("latin-1").encode(chance.choice(["utf-16", "utf-8-sig", "utf-16-be"]))
    words = data.split(b" " if kind == 6 else b"\n")
    k = chance.randrange(len(words))
    if kind == 6:
        words[k] = chance.choice(NUMBERS)
    else:
        words[k], words[-k] = words[-k], words[k]
    return (b" " if kind == 6 else b"\n").join(words)


def of_toml(path: Path, chance: random.Random) -> None:
    """Other values, keys and lines; now and then bytes."""
    if chance.random() < 0.2 or path.suffix != ".toml":
        return of_bytes(path, chance)
    lines = path.read_text().strip().split("\n")
    for _ in range(chance.choice([1, 1, 2])):
        _line_damaged(lines, chance)
    path.write_text("\n".join(lines))
    return None


def _line_damaged(lines: list[str], chance: random.Random) -> None:
    i = chance.randrange(len(lines))
    kind = chance.randrange(6)
    if kind <= 1 and "=" in lines[i]:
        lines[i] = f"{lines[i].split('=')[0]}= {chance.choice(VALUES)}"
    elif kind == 2:
        digit = chance.choice("0123456789")
        lines[i] = "".join(digit if c.isdigit() else c for c in lines[i])
    elif kind == 3:
        lines[i] = "#"
    elif kind == 4:
        lines.insert(i, chance.choice(lines))
    elif lines[i]:
        k = chance.randrange(len(lines[i]))
        lines[i] = lines[i][:k] + chance.choice("\x00\x1b[]={}\"'#.x9-é") + lines[i][k + 1 :]


def of_json(path: Path, chance: random.Random) -> None:
    """Values within, or bytes."""
    if chance.random() < 0.2:
        return of_bytes(path, chance)
    content = json.loads(path.read_text())
    for _ in range(chance.choice([1, 1, 2])):
        _inside(content, chance)
    path.write_text(json.dumps(content))
    return None


def _inside(content: Any, chance: random.Random) -> None:
    """Change, drop or add one value at any depth."""
    keys = list(content) if isinstance(content, dict) else list(range(len(content)))
    if not keys:
        return
    key = chance.choice(keys)
    if isinstance(content[key], (dict, list)) and content[key] and chance.random() < 0.7:
        return _inside(content[key], chance)
    kind = chance.randrange(4)
    if kind == 0:
        del content[key]
    elif kind == 1 and isinstance(content, list):
        content.insert(0, chance.choice(ODD))
    elif kind == 1 and isinstance(content, dict):
        content["extra"] = chance.choice(ODD)
    else:
        content[key] = chance.choice(ODD)
    return None


def of_archive(path: Path, chance: random.Random) -> None:
    """Arrays and the JSON text of a NumPy archive, or its bytes."""
    if chance.random() < 0.15:
        return of_bytes(path, chance)
    with np.load(path, allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    for _ in range(chance.choice([1, 1, 2])):
        name = chance.choice([*arrays, "meta"] if "meta" in arrays else list(arrays))
        if name == "meta":
            arrays[name] = _meta_damaged(str(arrays[name]), chance)
        else:
            arrays[name] = changed(arrays[name], chance)
    if chance.random() < 0.1:
        arrays.pop(chance.choice(list(arrays)))
    with zipfile.ZipFile(path, "w") as archive:
        for name, array in arrays.items():
            content = io.BytesIO()
            np.lib.format.write_array(content, np.asarray(array), allow_pickle=True)
            archive.writestr(f"{name}.npy", content.getvalue())
    return None


def _meta_damaged(text: str, chance: random.Random) -> np.ndarray:
    with contextlib.suppress(ValueError):
        meta = json.loads(text)
        _inside(meta, chance)
        text = json.dumps(meta)
    return np.array(text)


def changed(array: np.ndarray, chance: random.Random) -> np.ndarray:
    """An array with another shape, type or value."""
    kind = chance.randrange(9)
    flat = np.array(array).reshape(-1)
    if kind == 0:
        return flat[: len(flat) // 2]
    if kind == 1:
        return np.concatenate([flat, flat])
    if kind == 2:
        return np.array(array)[..., None]
    if kind == 3:
        return np.array(array).T
    if kind == 4:
        return np.empty(0)
    if kind == 5:
        with contextlib.suppress(ValueError):
            return array.astype(chance.choice(["S9", "U9", "O", "?", "i1"]))
    if array.dtype.kind not in "fiu" or not flat.size:
        return np.array("x")
    value = chance.choice([np.nan, np.inf, -1, 1e308, 10**9, 0, -1e-320])
    with np.errstate(all="ignore"), contextlib.suppress(OverflowError, ValueError):
        flat[chance.randrange(flat.size)] = value
    return flat.reshape(array.shape)


def of_netcdf(path: Path, chance: random.Random) -> None:
    """Variables and attributes of a netCDF file, or its bytes."""
    if chance.random() < 0.4:
        return of_bytes(path, chance)
    import h5py

    with h5py.File(path, "r+") as file:
        name = chance.choice(list(file))
        kind = chance.randrange(5)
        if kind == 0:
            del file[name]
        elif kind == 1:
            key = chance.choice(list(file.attrs))
            file.attrs[key] = chance.choice(["", "x", 3, "\x1b[2J", np.arange(4)])
        elif kind == 2:
            key = chance.choice(list(file[name].attrs) or ["units"])
            with contextlib.suppress(KeyError, OSError):
                del file[name].attrs[key]
        elif file[name].shape:
            values = np.asarray(file[name][()])
            del file[name]
            with contextlib.suppress(TypeError, ValueError):
                file[name] = changed(values, chance)
    return None
