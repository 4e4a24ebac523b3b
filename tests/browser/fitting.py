"""Whether what a page shows has room in its window."""

from __future__ import annotations

from playwright.sync_api import Page

# What is partly outside the window, where nothing scrolls it into view.
CUT = """() => [...document.querySelectorAll("main *, header *, footer *, aside *")].filter((one) => {
    if (!one.checkVisibility() || one.closest("svg") || one.closest("[aria-hidden=true]")) return false;
    for (let up = one.parentElement; up; up = up.parentElement)
      if (/auto|scroll/.test(getComputedStyle(up).overflowX)) return false;
    const box = one.getBoundingClientRect();
    return box.width > 0 && (box.right > innerWidth + 1 || box.left < -1) && one.childElementCount === 0;
}).map((one) => `${one.tagName} ${one.className} ${one.textContent.slice(0, 30)} is outside`).slice(0, 3)"""


def outside(page: Page) -> list[str]:
    """What lies beyond the right side of the window."""
    over = page.evaluate("""() => {
        const { scrollWidth, clientWidth } = document.documentElement;
        return Math.max(scrollWidth, document.body.scrollWidth) - clientWidth;
    }""")
    return [*([f"by {over} px"] if over > 0 else []), *page.evaluate(CUT)]


# What is said in fewer letters than it has: its end is hidden. What it names is named in full elsewhere.
CLIPPED = """() => [...document.querySelectorAll("h1, h2, h3, p, button, label, legend, summary, th, td, span, b")]
  .filter((one) => one.checkVisibility() && one.textContent.trim() && one.scrollWidth > one.clientWidth + 1
    && /hidden|clip/.test(getComputedStyle(one).overflowX) && getComputedStyle(one).display !== "inline"
    && !one.closest(".hidden, .katex, .name, .path, [aria-hidden=true]"))
  .map((one) => `${one.tagName} ${one.className} ${one.textContent.trim().slice(0, 40)} is cut off`)"""


def clipped(page: Page) -> list[str]:
    """Words that their own box cuts off."""
    found: list[str] = page.evaluate(CLIPPED)
    return found
