"""A headless Chromium, driven through a pipe in its DevTools protocol: no driver to install."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--remote-debugging-pipe",
    # Whatever would leave this machine fails, and is seen among the requests.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)


class Browser:
    """The browser's end of the pipe.

    Attributes:
        events: Every event so far: (session, method, parameters).
    """

    def __init__(self, commands: int, answers: int) -> None:
        self._commands, self._answers = commands, answers
        self._buffer = b""
        self._replies: dict[int, dict[str, Any]] = {}
        self._last = 0
        self.events: list[tuple[str | None, str, dict[str, Any]]] = []

    def call(self, method: str, session: str | None = None, **parameters: Any) -> dict[str, Any]:
        """Call a method and wait for its result."""
        number = self._send(method, session, parameters)
        deadline = time.monotonic() + 60
        while number not in self._replies:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{method} was not answered")
            self.listen(0.1)
        reply = self._replies.pop(number)
        if "error" in reply:
            raise RuntimeError(f"{method}: {reply['error']['message']}")
        return reply["result"]

    def listen(self, seconds: float) -> None:
        """Take in what comes within `seconds`, or the first of it."""
        if not select.select([self._answers], [], [], seconds)[0]:
            return
        chunk = os.read(self._answers, 1 << 20)
        if not chunk:
            raise ConnectionError("the browser is gone")
        *messages, self._buffer = (self._buffer + chunk).split(b"\0")
        for message in map(json.loads, messages):
            if "id" in message:
                self._replies[message["id"]] = message
            else:
                self._take(message.get("sessionId"), message["method"], message["params"])

    def _take(self, session: str | None, method: str, parameters: dict[str, Any]) -> None:
        self.events.append((session, method, parameters))
        if method == "Target.attachedToTarget":
            # Workers of the page, and its service worker: their requests and messages, too.
            child = parameters["sessionId"]
            for enable in ("Network.enable", "Runtime.enable", "Log.enable"):
                self._send(enable, child, {})
            self._send("Target.setAutoAttach", child, _auto_attach())
            self._send("Runtime.runIfWaitingForDebugger", child, {})

    def _send(self, method: str, session: str | None, parameters: dict[str, Any]) -> int:
        self._last += 1
        message: dict[str, Any] = {"id": self._last, "method": method, "params": parameters}
        if session is not None:
            message["sessionId"] = session
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        return self._last

    def open_page(self) -> Page:
        """Open an empty page with everything recorded."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = Page(self, session)
        for domain in ("Page", "Runtime", "Network", "Log", "DOM", "Accessibility"):
            page.call(f"{domain}.enable")
        page.call("Target.setAutoAttach", **_auto_attach())
        return page

    def requests(self) -> list[str]:
        """Every address that page, worker and service worker asked for."""
        return [
            parameters["request"]["url"]
            for _, method, parameters in self.events
            if method == "Network.requestWillBeSent"
        ]

    def messages(self) -> list[str]:
        """Console messages, log entries and uncaught errors of all of them."""
        found = []
        for _, method, parameters in self.events:
            if method == "Runtime.consoleAPICalled":
                values = [str(a.get("value", a.get("description"))) for a in parameters["args"]]
                found.append(" ".join(values))
            elif method == "Log.entryAdded":
                found.append(parameters["entry"]["text"])
            elif method == "Runtime.exceptionThrown":
                found.append(json.dumps(parameters["exceptionDetails"]))
        return found


def _auto_attach() -> dict[str, Any]:
    return {"autoAttach": True, "waitForDebuggerOnStart": True, "flatten": True}


class Page:
    """One page."""

    def __init__(self, browser: Browser, session: str) -> None:
        self.browser, self.session = browser, session

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        return self.browser.call(method, self.session, **parameters)

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression, awaited."""
        result = self.call(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        if "exceptionDetails" in result:
            raise RuntimeError(json.dumps(result["exceptionDetails"]))
        return result["result"].get("value")

    def wait(self, expression: str, seconds: float = 60) -> Any:
        """The first truthy value of an expression."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                if value := self.evaluate(expression):
                    return value
            except RuntimeError:
                pass  # between two documents
            self.browser.listen(0.05)
        seen = self.evaluate("document.body.innerText")
        raise TimeoutError(f"{expression} stayed false; the page says:\n{seen}")

    def go(self, url: str) -> None:
        result = self.call("Page.navigate", url=url)
        assert "errorText" not in result, result
        self.wait("document.readyState === 'complete'")

    def press(self, key: str, *, shift: bool = False) -> None:
        """Press a key such as "Tab", "Enter" or " "."""
        codes = {"Tab": 9, "Enter": 13, " ": 32}
        common = {"key": key, "windowsVirtualKeyCode": codes[key], "modifiers": 8 if shift else 0}
        text = {"Enter": "\r", " ": " "}.get(key)
        down = {"type": "keyDown", "text": text} if text else {"type": "rawKeyDown"}
        self.call("Input.dispatchKeyEvent", **common, **down)
        self.call("Input.dispatchKeyEvent", **common, type="keyUp")

    def choose_file(self, selector: str, file: Path) -> None:
        root = self.call("DOM.getDocument")["root"]["nodeId"]
        node = self.call("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.call("DOM.setFileInputFiles", nodeId=node, files=[str(file)])

    def emulate(
        self, width: int, height: int, *, dark: bool = False, mobile: bool = False, scale: float = 1
    ) -> None:
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=scale,
            mobile=mobile,
        )
        self.call("Emulation.setTouchEmulationEnabled", enabled=mobile)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])

    def screenshot(self, file: Path, *, whole: bool = True) -> None:
        data = self.call("Page.captureScreenshot", captureBeyondViewport=whole)["data"]
        file.write_bytes(base64.b64decode(data))


@contextmanager
def chromium():
    """Yield a `Browser` with an empty profile; skip the test where there is no Chromium."""
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        pytest.skip(f"no browser to test with: none of {', '.join(NAMES)} is installed")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command_out, command_in = os.pipe()
        answer_out, answer_in = os.pipe()
        # The browser reads file descriptor 3 and writes 4.
        script = 'exec "$@" 3<&"$PIPE_IN" 4>&"$PIPE_OUT"'
        process = subprocess.Popen(
            ["bash", "-c", script, "bash", program, *_FLAGS, f"--user-data-dir={profile}"],
            env=os.environ | {"PIPE_IN": str(command_out), "PIPE_OUT": str(answer_in)},
            pass_fds=(command_out, answer_in),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(command_out)
        os.close(answer_in)
        browser = Browser(command_in, answer_out)
        try:
            yield browser
        finally:
            try:
                browser.call("Browser.close")
                process.wait(20)
            except (OSError, ConnectionError, TimeoutError, subprocess.TimeoutExpired):
                process.kill()
                process.wait()
            os.close(command_in)
            os.close(answer_out)
