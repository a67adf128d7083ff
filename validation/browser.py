"""Chromium without a window, asked by its debugging pipe: JSON messages that end with a zero byte.

Nothing of Python is needed for it, and one start serves many pages.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .case import Skipped

NAMES = ("chromium", "chromium-browser", "google-chrome")
#: Seconds to wait for an answer.
PATIENCE = 60.0
#: In a container there is no sandbox, and nothing but our own pages is opened.
OPTIONS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--remote-debugging-pipe",
    "--hide-scrollbars",
)
#: The numbers of the pipe in the browser: it reads from the first and writes to the second.
READS, WRITES = 3, 4
#: What a page may load: itself, and what stands inside it.
INSIDE = ("file:", "data:", "about:")


class Browser:
    """One page of a browser; what it complained about and what it loaded is kept.

    Attributes
    ----------
    complaints : list of str
        Errors and warnings on the console, and exceptions nobody caught.
    loads : list of str
        Addresses outside the page that it asked for.
    """

    def __init__(self, program: str, folder: str) -> None:
        commands, self._to = os.pipe()
        self._from, answers = os.pipe()

        def give() -> None:
            high = os.dup(commands), os.dup(answers)  # neither is overwritten by the other
            os.dup2(high[0], READS)
            os.dup2(high[1], WRITES)

        self.process = subprocess.Popen(
            [program, *OPTIONS, f"--user-data-dir={folder}", "about:blank"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(READS, WRITES),
            preexec_fn=give,
            start_new_session=True,
        )
        os.close(commands)
        os.close(answers)
        self.complaints: list[str] = []
        self.loads: list[str] = []
        self._loaded: set[str] = set()
        self._rest, self._number, self._session = b"", 0, ""
        targets = self.ask("Target.getTargets")["targetInfos"]
        page = next(t["targetId"] for t in targets if t["type"] == "page")
        attached = self.ask("Target.attachToTarget", targetId=page, flatten=True)
        self._session = attached["sessionId"]
        for part in ("Page", "Runtime", "Log", "Network"):
            self.ask(f"{part}.enable")
        self.ask("Page.setLifecycleEventsEnabled", enabled=True)

    def ask(self, method: str, **parameters: Any) -> Any:
        """The answer to a command of the protocol."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._message()
            if answer.get("id") != self._number:
                self._note(answer)
            elif "error" in answer:
                raise RuntimeError(f"{method}: {answer['error']}")
            else:
                return answer["result"]

    def _message(self) -> Any:
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._from], [], [], PATIENCE)
            piece = os.read(self._from, 1 << 20) if ready else b""
            if not piece:
                raise RuntimeError("the browser is silent")
            self._rest += piece
        text, _, self._rest = self._rest.partition(b"\0")
        return json.loads(text)

    def _note(self, event: Any) -> None:
        name, about = event.get("method", ""), event.get("params", {})
        if name == "Page.lifecycleEvent" and about["name"] == "load":
            self._loaded.add(about["loaderId"])
        if name == "Runtime.exceptionThrown":
            self.complaints.append(str(about["exceptionDetails"]))
        if name == "Runtime.consoleAPICalled" and about["type"] in ("error", "warning", "assert"):
            self.complaints.append(str(about["args"]))
        if name == "Log.entryAdded" and about["entry"]["level"] in ("error", "warning"):
            self.complaints.append(str(about["entry"]["text"]))
        if name == "Network.requestWillBeSent":
            address = about["request"]["url"]
            if not address.startswith(INSIDE):
                self.loads.append(address)

    def open(self, page: Path, state: str = "") -> None:
        """Load a page, whole."""
        self.ask("Page.navigate", url="about:blank")  # else a new state alone loads nothing
        loader = self.ask("Page.navigate", url=page.resolve().as_uri() + state)["loaderId"]
        while loader not in self._loaded:
            self._note(self._message())

    def value(self, expression: str) -> Any:
        """What an expression of JavaScript gives on the page."""
        found = self.ask(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in found:
            raise RuntimeError(f"{expression}: {found['exceptionDetails']}")
        return found["result"].get("value")

    def look(self, scheme: str = "light", width: int = 1100, height: int = 900) -> None:
        """``scheme`` is light or dark; the size of the window is in pixels."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.ask("Emulation.setEmulatedMedia", features=features)
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.ask("Emulation.setDeviceMetricsOverride", **size)

    def picture(self, path: Path) -> Path:
        """A .png of the whole page."""
        self.value(
            "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
        )
        size = self.ask("Page.getLayoutMetrics")["cssContentSize"]
        found = self.ask(
            "Page.captureScreenshot", captureBeyondViewport=True, clip={**size, "scale": 1}
        )
        path.write_bytes(base64.b64decode(found["data"]))
        return path

    def printed(self, path: Path) -> Path:
        """The page on paper, a .pdf."""
        found = self.ask("Page.printToPDF", printBackground=False)
        path.write_bytes(base64.b64decode(found["data"]))
        return path

    def close(self) -> None:
        with contextlib.suppress(RuntimeError, OSError):
            self._session = ""
            self.ask("Browser.close")
        try:
            self.process.wait(10.0)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        os.close(self._to)
        os.close(self._from)


@contextlib.contextmanager
def browser() -> Iterator[Browser]:
    """A browser for a while; Skipped where none is installed."""
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        raise Skipped("chromium is not installed")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        opened = Browser(program, folder)
        try:
            yield opened
        finally:
            opened.close()
