"""Scripts that plant an error on a page, each giving the function that takes it away again."""

from __future__ import annotations


def text(selector: str, change: str) -> str:
    """Change the text of the first element of a selector; `was` is what stood there."""
    return f"""() => {{
        const all = [...document.querySelectorAll(`{selector}`)];
        const one = all.find((it) => it.checkVisibility() && it instanceof HTMLElement);
        const was = one.textContent;
        one.textContent = {change};
        if (one.textContent === was) throw new Error("nothing was planted in " + was);
        return () => (one.textContent = was);
    }}"""


def attribute(selector: str, name: str, change: str) -> str:
    """Change an attribute of the first element of a selector; `was` is its value."""
    return f"""() => {{
        const one = document.querySelector(`{selector}`), was = one.getAttribute("{name}");
        one.setAttribute("{name}", {change});
        return () => one.setAttribute("{name}", was);
    }}"""


def added(html: str) -> str:
    """Add something to the page."""
    return f"""() => {{
        const one = document.createElement("div");
        one.innerHTML = `{html}`;
        document.querySelector("main").append(one);
        return () => one.remove();
    }}"""
