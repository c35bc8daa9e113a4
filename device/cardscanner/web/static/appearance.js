// The switch between light, dark and as the system has it.

import { byId } from "/static/dom.js";
import { keep, kept } from "/static/kept.js";

const THEMES = {
  auto: { next: "light", icon: "auto", words: "Colours: as the system. Switch to light" },
  light: { next: "dark", icon: "sun", words: "Colours: light. Switch to dark" },
  dark: { next: "auto", icon: "moon", words: "Colours: dark. Switch to as the system" },
};

export function prepareAppearance() {
  let theme = kept("theme") in THEMES ? kept("theme") : "auto";
  const show = () => {
    if (theme === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    byId("theme-icon").setAttribute("href", `/static/icons.svg#${THEMES[theme].icon}`);
    byId("theme-button").setAttribute("aria-label", THEMES[theme].words);
    byId("theme-button").title = THEMES[theme].words;
  };
  byId("theme-button").addEventListener("click", () => {
    theme = THEMES[theme].next;
    keep("theme", theme);
    show();
  });
  show();
}
