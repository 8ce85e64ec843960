// What pages gain from JavaScript: a map that tells who at the pointer and is walked with
// the arrow keys. Everything else works without it; the feed has a file of its own.
"use strict";

for (const map of document.querySelectorAll("[data-map]")) {
  const cells = [...map.querySelectorAll("a")];
  const detail = document.querySelector("[data-map-detail]");
  const words = detail.textContent;

  const tell = (target) => {
    const cell = target && target.closest && target.closest("a, [title]");
    const text = cell && map.contains(cell) &&
      (cell.getAttribute("aria-label") || cell.getAttribute("title"));
    detail.textContent = text || words;
    detail.classList.toggle("live", Boolean(text));
  };
  map.addEventListener("pointerover", (event) => tell(event.target));
  map.addEventListener("pointerleave", () => tell(null));
  map.addEventListener("focusin", (event) => tell(event.target));

  // One stop for the Tab key instead of a thousand; the arrow keys go on from there.
  cells.forEach((cell, number) => { cell.tabIndex = number ? -1 : 0; });
  map.addEventListener("keydown", (event) => {
    const here = cells.indexOf(document.activeElement);
    if (here < 0 || event.altKey || event.ctrlKey || event.metaKey) return;
    const top = cells[0].getBoundingClientRect().top;
    const wrap = cells.findIndex((cell) => cell.getBoundingClientRect().top > top + 2);
    const row = wrap > 0 ? wrap : cells.length;
    const steps = {
      ArrowRight: here + 1, ArrowLeft: here - 1, ArrowDown: here + row, ArrowUp: here - row,
      Home: 0, End: cells.length - 1,
    };
    const next = cells[steps[event.key]];
    if (!(event.key in steps)) return;
    event.preventDefault();
    if (!next) return;
    cells[here].tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  });
}
