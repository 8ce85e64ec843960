// The live feed: rows that the server has made, put on top of the table as they come.
// The browser reconnects by itself and tells the server where it was.
"use strict";

const MOST_ROWS = 300;
const rows = document.querySelector("[data-feed]");
const state = document.querySelector("[data-feed-state]");
const say = (text, on) => {
  state.textContent = text;
  state.classList.toggle("on", on);
};

const feed = new EventSource(rows.dataset.feed);
feed.addEventListener("open", () => say("live", true));
feed.addEventListener("error", () => {
  const gone = feed.readyState === EventSource.CLOSED;
  say(gone ? "the feed is not to be had; load the page again" : "connecting again", false);
});
feed.addEventListener("message", (event) => {
  rows.insertAdjacentHTML("afterbegin", JSON.parse(event.data).row);
  while (rows.rows.length > MOST_ROWS) rows.rows[rows.rows.length - 1].remove();
});
window.addEventListener("pagehide", () => feed.close());
