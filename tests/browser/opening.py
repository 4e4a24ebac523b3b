"""The app as a reader opens it: a real server, real networks, a real browser; and when its page has settled."""

from __future__ import annotations

import shutil
from pathlib import Path
from urllib.parse import urlencode

from playwright.sync_api import BrowserContext, Page

from glasswork.scenes.respond import Respondent
from glasswork.server.run import LocalServer
from glasswork.server.settings import BUILT_PAGES, Settings

PATIENCE = 20_000  # milliseconds, on a machine that does other things besides

# Notes which requests went out over the socket and are not answered yet, so that a test can wait for the last answer;
# and says aloud what the security policy refused. Nothing that the page sends or gets is changed.
WATCH = """
(() => {
  window.asked = 0;
  window.unanswered = new Map();
  const Plain = window.WebSocket;
  window.WebSocket = class extends Plain {
    constructor(...given) {
      super(...given);
      this.addEventListener("message", ({ data }) => {
        if (typeof data !== "string") return;
        const { type, request } = JSON.parse(data);
        if (type === "done" || type === "failure") window.unanswered.delete(request);
      });
      this.addEventListener("close", () => window.unanswered.clear());
    }
    send(text) {
      const { type, request, cancels, view, refs } = JSON.parse(text);
      window.asked++;
      // A request takes the place of an earlier one of its kind, which then may get no answer.
      const slot = [type, view, refs].join(" ");
      for (const [other, its] of window.unanswered) if (its === slot) window.unanswered.delete(other);
      if (type === "cancel") window.unanswered.delete(cancels);
      else window.unanswered.set(request, slot);
      super.send(text);
    }
  };
  addEventListener("securitypolicyviolation", (event) =>
    console.error("refused by the security policy:", event.violatedDirective, event.blockedURI));
})();
"""

# Resolves when everything that was asked is answered and drawn, and has stayed so for some frames; says what it still
# waits for when that takes too long.
SETTLED = """
async ([first, patience]) => {
  const started = performance.now();
  const busy = () => window.unanswered.size > 0 || window.asked <= first
    || document.querySelector('[aria-busy="true"]') !== null
    || [...document.querySelectorAll(".formula")].some((one) => !one.firstElementChild)
    || document.getAnimations().some((one) => one.playState === "running");
  const frame = () => new Promise((then) => requestAnimationFrame(then));
  await document.fonts.ready;
  for (let still = 0; still < 6; still++) {
    await frame();
    if (busy()) still = -1;
    if (performance.now() - started > patience) throw new Error("the page does not settle: " + JSON.stringify({
      unanswered: [...window.unanswered], asked: window.asked, first,
      busy: [...document.querySelectorAll('[aria-busy="true"]')].map((one) => one.outerHTML.slice(0, 120)),
      formulas: [...document.querySelectorAll(".formula")].filter((one) => !one.firstElementChild).length,
      moving: document.getAnimations().filter((one) => one.playState === "running").length,
    }));
  }
}
"""


class App:
    """A server with its home in a folder of its own; it can be ended and started again at the same address."""

    def __init__(self, folder: Path, targets: tuple[str, ...] = ()) -> None:
        self.home = folder / "home"
        self.traces = self.home / "traces"
        self.traces.mkdir(parents=True)
        # A copy: somebody may build the front end again in the meantime.
        self.built = Path(shutil.copytree(BUILT_PAGES, folder / "app"))
        self.targets = targets
        self.runs = folder / "runs"
        self.settings = Settings(port=0, built=self.built, home=self.home)
        self.server: LocalServer | None = None

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.settings.port}"

    def start(self) -> None:
        """Serve; the second time under the same port and token, as after a restart by the reader."""
        self.server = LocalServer(self.settings, self.respondent)
        self.settings = self.server.settings
        self.server.start()

    def respondent(self) -> Respondent:
        self.responding = Respondent(
            traces=self.traces, targets=self.targets, runs=self.runs, sets=self.home / "sets", folders=True
        )
        return self.responding

    def stop(self) -> None:
        if self.server:
            self.server.stop()
            self.server = None

    def enter(self, context: BrowserContext) -> None:
        """Let a browser in, by an opening address; no page is drawn for it."""
        assert self.server
        assert context.request.get(self.server.opening_address("/")).ok

    def address(self, page: str = "", **state: str | int | None) -> str:
        query = urlencode({name: value for name, value in state.items() if value is not None}, safe=":,[]")
        return f"{self.origin}/{page}{f'?{query}' if query else ''}"


def settle(page: Page, first: int = 0) -> None:
    """Wait until the page has asked more than `first` things, all is answered and drawn, and nothing moves."""
    page.evaluate(SETTLED, [first, 3 * PATIENCE])


def go(page: Page, address: str) -> None:
    """Open an address afresh."""
    page.goto(address)
    settle(page)


def move(page: Page, address: str) -> None:
    """Go to another address of the app without loading it again, as Back and Forward do."""
    if not page.url.startswith("http"):
        go(page, address)
        return
    page.evaluate("to => { history.pushState(null, '', to); dispatchEvent(new PopStateEvent('popstate')); }", address)
    settle(page, -1)
