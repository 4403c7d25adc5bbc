"""A headless Chromium, driven by the DevTools protocol through a pipe; needs nothing but the browser."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
_FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"),
    *("--remote-debugging-pipe", "--lang=en-US", "about:blank"),
)
_START = (
    "import fcntl, os, sys; a, b = (fcntl.fcntl(int(x), fcntl.F_DUPFD, 10) for x in sys.argv[1:3]); "
    "os.dup2(a, 3); os.dup2(b, 4); "
    "os.execv(sys.argv[3], sys.argv[3:])"
)
"""Start the browser with its pipes as files 3 and 4, where it expects them."""


class Browser:
    """One page of a browser with an empty profile in `folder`."""

    def __init__(self, folder: Path) -> None:
        assert CHROMIUM is not None
        down, self._out = os.pipe()
        self._in, up = os.pipe()
        self._process = subprocess.Popen(
            [sys.executable, "-c", _START, str(down), str(up), CHROMIUM, f"--user-data-dir={folder}", *_FLAGS],
            pass_fds=(down, up),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(down)
        os.close(up)
        self._number, self._rest, self.problems = 0, b"", list[str]()
        target = self.call("Target.getTargets")["targetInfos"][0]["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    _session = ""

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Result of a DevTools method; errors and exceptions of the page meanwhile are kept in `problems`."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while True:
            found = self._message()
            if found.get("method") == "Runtime.exceptionThrown":
                self.problems.append(json.dumps(found["params"]["exceptionDetails"])[:600])
            elif found.get("method") == "Log.entryAdded":
                self.problems.append(found["params"]["entry"]["text"])
            elif found.get("id") == self._number:
                assert "error" not in found, found
                return dict(found["result"])

    def _message(self) -> dict[str, Any]:
        until = time.monotonic() + 60
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._in], [], [], max(until - time.monotonic(), 0))
            part = os.read(self._in, 1 << 20) if ready else b""
            if not part:
                raise TimeoutError("The browser does not answer.")
            self._rest += part
        text, _, self._rest = self._rest.partition(b"\0")
        return dict(json.loads(text))

    def evaluate(self, code: str) -> Any:
        """Value of an expression in the page; a promise is awaited."""
        found = self.call("Runtime.evaluate", expression=code, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def wait(self, code: str) -> None:
        """Wait until an expression is true."""
        until = time.monotonic() + 60
        while not self.evaluate(code):
            assert time.monotonic() < until, (code, self.problems)
            time.sleep(0.02)

    def open(self, path: Path, fragment: str = "") -> None:
        """Open a page of an explorer and wait until it has run."""
        self.call("Page.navigate", url="about:blank")
        self.call("Page.navigate", url=path.as_uri() + fragment)
        self.wait("document.documentElement?.dataset.ready === 'yes'")

    @contextmanager
    def frame(self) -> Iterator[None]:
        """Work in the first sandboxed frame of the page, which is a process of its own."""
        outer, frames = self._session, list[Any]()
        until = time.monotonic() + 60
        while not frames:
            assert time.monotonic() < until
            frames = [t for t in self.call("Target.getTargets")["targetInfos"] if t["type"] == "iframe"]
        self._session = self.call("Target.attachToTarget", targetId=frames[0]["targetId"], flatten=True)["sessionId"]
        yield
        self._session = outer

    def size(self, width: int, height: int, *, dark: bool = False) -> None:
        """Set the window, and light or dark."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.call("Emulation.setEmulatedMedia", features=scheme)

    def screenshot(self, path: Path, *, whole: bool = False) -> None:
        """Save what the window shows, or the whole page, as PNG."""
        found = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(found["data"]))

    def close(self) -> None:
        """End the browser."""
        self._session = ""
        self.call("Browser.close")
        self._process.wait(20)
        os.close(self._in)
        os.close(self._out)
