"use strict";
// Filter and order of the clips. The page is complete without it, in its first order.

const body = document.getElementById("rows");
const rows = Array.from(body.rows, (row) => ({ row, data: row.dataset, text: row.textContent.toLowerCase() }));
const byId = (id) => document.getElementById(id);
const [filter, state, sort, count, nothing] = ["filter", "state", "sort", "count", "nothing"].map(byId);
const heads = Array.from(document.querySelectorAll("th[data-key]"));
const words = { order: "the worst first", name: "by name", score: "by headline", frames: "by length", seconds: "by time" };
const names = new Intl.Collator(undefined, { numeric: true });
let shownKey = "order", descending = false;

function showMatching() {
  const wanted = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const { row, data, text } of rows) {
    row.hidden = (state.value && data.status !== state.value) || !wanted.every((word) => text.includes(word));
    shown += !row.hidden;
  }
  count.textContent = `${shown} of ${rows.length} shown`;
  nothing.hidden = shown > 0 || rows.length === 0;
}

function compared(a, b, key) {
  if (key === "name") return names.compare(a.name, b.name);
  const [one, other] = [a[key], b[key]];
  if (!one || !other) return (one ? -1 : 0) + (other ? 1 : 0); // what is missing stays last
  return Number(one) - Number(other);
}

function sortBy(key, down) {
  [shownKey, descending] = [key, down];
  const missing = (data) => key !== "name" && !data[key];
  rows.sort((a, b) => {
    const found = compared(a.data, b.data, key) * (down && !missing(a.data) && !missing(b.data) ? -1 : 1);
    return found || Number(a.data.order) - Number(b.data.order);
  });
  body.append(...rows.map(({ row }) => row));
  for (const head of heads) {
    head.setAttribute("aria-sort", head.dataset.key !== key ? "none" : down ? "descending" : "ascending");
  }
  sort.value = key;
  byId("order").textContent = words[key] + (down ? ", descending" : "");
}

for (const head of heads) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = head.textContent;
  button.addEventListener("click", () => sortBy(head.dataset.key, head.dataset.key === shownKey && !descending));
  head.replaceChildren(button);
}
byId("controls").addEventListener("submit", (event) => event.preventDefault());
filter.addEventListener("input", showMatching);
state.addEventListener("change", showMatching);
sort.addEventListener("change", () => sortBy(sort.value, false));
byId("reset").addEventListener("click", () => {
  filter.value = state.value = "";
  showMatching();
  filter.focus();
});
byId("controls").hidden = false;
showMatching();
