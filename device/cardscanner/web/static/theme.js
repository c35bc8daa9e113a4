// Light or dark, before anything is painted; therefore no module.
(function () {
  "use strict";
  let wish = "auto";
  try {
    wish = localStorage.getItem("theme") || "auto";
  } catch {
    // A browser that keeps nothing: the system's choice.
  }
  if (wish !== "auto") document.documentElement.dataset.theme = wish;
})();
