"""What a page has to be for people who cannot see, point or tell colours apart: measured in a browser."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page

# Contrast as WCAG 2 defines it (relative luminance); names as far as this page uses the accessible-name rules.
_MEASURE = """() => {
  const problems = [];
  const seen = (node) => node.checkVisibility({ opacityProperty: true, visibilityProperty: true }) && !node.closest(".unseen");
  const called = (node) => `${node.tagName.toLowerCase()}${node.id ? "#" + node.id : ""}.${node.className} "${(node.textContent || "").trim().slice(0, 40)}"`;
  const ids = [...document.querySelectorAll("[id]")].map((node) => node.id);
  for (const id of new Set(ids.filter((id, place) => ids.indexOf(id) !== place))) problems.push(`two elements have the id ${id}`);
  for (const attribute of ["aria-labelledby", "aria-describedby", "for"])
    for (const node of document.querySelectorAll(`[${attribute}]`))
      for (const id of node.getAttribute(attribute).split(/\\s+/))
        if (!document.getElementById(id)) problems.push(`${called(node)}: ${attribute} names ${id}, which is not there`);

  const textOf = (node) => {
    let text = "";
    for (const child of node.childNodes) {
      if (child.nodeType === 3) text += child.textContent;
      else if (child.nodeType === 1 && child.getAttribute("aria-hidden") !== "true") text += child.getAttribute("alt") ?? textOf(child);
    }
    return text;
  };
  const nameOf = (node) => {
    const labelled = node.getAttribute("aria-labelledby");
    if (labelled) return labelled.split(/\\s+/).map((id) => document.getElementById(id)?.textContent ?? "").join(" ");
    if (node.getAttribute("aria-label")) return node.getAttribute("aria-label");
    if (node.labels && node.labels.length) return [...node.labels].map(textOf).join(" ");
    return /^(BUTTON|A|SUMMARY)$/.test(node.tagName) ? textOf(node) : "";
  };
  for (const node of document.querySelectorAll("button, a[href], input, select, textarea, summary, dialog[open], nav, main section[aria-labelledby]"))
    if (seen(node) && !nameOf(node).trim()) problems.push(`${called(node)} has no name`);
  for (const node of document.querySelectorAll("img")) if (!node.hasAttribute("alt")) problems.push(`${called(node)} has no alt`);

  const headings = [...document.querySelectorAll("h1, h2, h3, h4")].filter((node) => node.checkVisibility());
  if (!document.querySelector("dialog[open]") && headings.filter((node) => node.tagName === "H1").length !== 1) problems.push("not exactly one h1");
  let level = 1;
  for (const node of headings) {
    const own = Number(node.tagName[1]);
    if (own > level + 1) problems.push(`${called(node)}: a level was left out before it`);
    level = own;
  }
  for (const landmark of ["header", "main"]) if (document.querySelectorAll(`body > ${landmark}`).length !== 1) problems.push(`not exactly one ${landmark}`);
  if (!document.documentElement.lang) problems.push("no language");
  if (!document.title) problems.push("no title");

  const scope = document.querySelector("dialog[open]") ?? document.body;
  for (const node of scope.querySelectorAll("button, input, select, textarea, summary, a[href]")) {
    if (!seen(node) || node.matches(".skip") || node.closest("p")) continue;
    const { width, height } = node.getBoundingClientRect();
    if (height < 43.5 || width < 43.5) problems.push(`${called(node)} is only ${width.toFixed(0)} x ${height.toFixed(0)} px`);
  }

  const parse = (colour) => {
    const [r, g, b, a = 1] = colour.match(/[\\d.]+/g).map(Number);
    return [r, g, b, a];
  };
  const over = (top, under) => [0, 1, 2].map((i) => top[i] * top[3] + under[i] * (1 - top[3])).concat(1);
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (node) => {
    const layers = [];
    for (let each = node; each; each = each.parentElement) {
      const colour = parse(getComputedStyle(each).backgroundColor);
      if (colour[3] > 0) layers.push(colour);
      if (colour[3] === 1) break;
    }
    return layers.reverse().reduce((under, top) => over(top, under), [255, 255, 255, 1]);
  };
  const words = document.createTreeWalker(scope, NodeFilter.SHOW_TEXT);
  let lowest = 21;
  while (words.nextNode()) {
    const node = words.currentNode.parentElement;
    if (!words.currentNode.textContent.trim() || !seen(node) || node.closest(":disabled, [aria-disabled=true], .skip")) continue;
    const style = getComputedStyle(node);
    const under = ground(node);
    const one = light(over(parse(style.color), under)), other = light(under);
    const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    lowest = Math.min(lowest, ratio);
    if (ratio < (large ? 3 : 4.5)) problems.push(`${called(node)}: contrast ${ratio.toFixed(2)}`);
  }
  return { problems, lowest };
}"""


def measured(page: Page) -> dict[str, Any]:
    """Return ``problems`` in words, and ``lowest``, the lowest contrast of any text."""
    return page.evaluate(_MEASURE)


def assert_usable(page: Page) -> None:
    """Everything has a name, text can be told from its ground, fingers can hit what they are meant to."""
    found = measured(page)
    assert not found["problems"], "\n".join(found["problems"])


def assert_no_sideways_scrolling(page: Page) -> None:
    """Nothing is wider than the window."""
    wide = page.evaluate(
        """() => [...document.querySelectorAll("main *, header *, nav *")].filter((node) => {
          if (!node.checkVisibility() || node.closest(".unseen, svg")) return false;
          const { left, right } = node.getBoundingClientRect();
          return right > innerWidth + 0.5 || left < -0.5;
        }).map((node) => `${node.tagName}.${node.className} "${node.textContent.trim().slice(0, 30)}"`)"""
    )
    assert not wide, wide[:5]
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
