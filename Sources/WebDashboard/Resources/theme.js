// Applies the reader's choice of light or dark before the first paint. No module, so that it runs at once.
"use strict";
(() => {
  const stored = localStorage.getItem("theme");
  if (stored === "light" || stored === "dark") document.documentElement.dataset.theme = stored;
})();
