"use strict";
// Plots, links to frames, and the before/after slider. All parts follow one current frame.

const data = JSON.parse(document.getElementById("data").textContent);
const followers = []; // functions of (frame, source)
let frameInView = null;

function showFrame(frame, source) {
  frameInView = Math.min(Math.max(Math.round(frame), 0), data.frames - 1);
  for (const follow of followers) follow(frameInView, source);
}

// ---- texts

function timeText(seconds) {
  const thousandths = Math.round(Math.abs(seconds) * 1000);
  const hours = Math.floor(thousandths / 3600000);
  const minutes = Math.floor(thousandths / 60000) % 60;
  const rest = ((thousandths % 60000) / 1000).toFixed(3).padStart(6, "0");
  const clock = hours ? `${hours}:${String(minutes).padStart(2, "0")}` : `${minutes}`;
  return `${seconds < 0 && thousandths ? "-" : ""}${clock}:${rest}`;
}

function numberText(value, unit) {
  if (typeof value !== "number") return value;
  const text = String(parseFloat((unit === "share" ? 100 * value : value).toPrecision(4)));
  return unit === "share" ? `${text} %` : text;
}

function valueAt(key, frame) {
  const series = data.series[key];
  if (series.steps) {
    const step = series.steps.find(([start, stop]) => start <= frame && frame < stop);
    return step ? step[2] : null;
  }
  return series.values[Math.floor(frame / data.stride)] ?? null;
}

function runAt(runs, frame) {
  let low = 0, high = runs.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    if (frame < runs[middle][0]) high = middle - 1;
    else if (frame > runs[middle][1]) low = middle + 1;
    else return runs[middle][2];
  }
  return "";
}

function stateText(frame) {
  const passed = runAt(data.passed, frame), fault = runAt(data.faults, frame);
  return [passed && `passed through: ${passed}`, fault && `synced frame broken: ${fault}`].filter(Boolean).join(", ");
}

function frameText(frame) {
  return `frame ${frame}, ${timeText(data.times[frame])}`;
}

// ---- plots

function readText(key, frame) {
  const value = valueAt(key, frame), series = data.series[key];
  const shown = value === null ? "not measured" : numberText(value, series.unit);
  const worst = data.stride > 1 && series.values && value !== null ? ` (worst of ${data.stride} frames)` : "";
  return [`${frameText(frame)}: ${shown}${worst}`, stateText(frame)].filter(Boolean).join(", ");
}

function preparePlot(plot) {
  const chart = plot.querySelector(".chart"), drawing = plot.querySelector("svg");
  const cursor = plot.querySelector(".cursor"), readout = plot.querySelector(".readout");

  function frameAt(event) {
    const box = drawing.getBoundingClientRect();
    return ((event.clientX - box.left) / box.width) * data.frames - 0.5;
  }
  function place(frame) {
    const box = drawing.getBoundingClientRect(), left = box.left - chart.getBoundingClientRect().left;
    cursor.hidden = false;
    cursor.style.left = `${left + (box.width * (frame + 0.5)) / data.frames}px`;
  }
  followers.push((frame) => {
    const text = readText(plot.dataset.key, frame);
    readout.textContent = text;
    chart.setAttribute("aria-valuenow", frame);
    chart.setAttribute("aria-valuetext", text);
    if (drawing.clientWidth) place(frame);
  });
  chart.addEventListener("pointermove", (event) => {
    if (event.pointerType === "mouse" || event.buttons) showFrame(frameAt(event), "plot");
  });
  chart.addEventListener("pointerdown", (event) => showFrame(frameAt(event), "plot"));
  chart.addEventListener("keydown", (event) => {
    const page = Math.max(1, Math.round(data.frames / 20));
    const steps = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -page, PageUp: page };
    const ends = { Home: 0, End: data.frames - 1 };
    if (event.key in steps) showFrame((frameInView ?? 0) + steps[event.key], "plot");
    else if (event.key in ends) showFrame(ends[event.key], "plot");
    else return;
    event.preventDefault();
  });
}

for (const plot of document.querySelectorAll(".plot")) preparePlot(plot);
for (const fold of document.querySelectorAll("details")) {
  fold.addEventListener("toggle", () => frameInView !== null && showFrame(frameInView, "fold"));
}
window.addEventListener("resize", () => frameInView !== null && showFrame(frameInView, "resize"));

// ---- links into plots

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[href^='#']");
  if (!link) return;
  const target = document.getElementById(link.hash.slice(1));
  for (let fold = target?.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
  if (link.dataset.frame !== undefined) showFrame(Number(link.dataset.frame), "link");
});

// ---- before and after

function prepareSplit(split) {
  const range = split.querySelector("input");
  const follow = () => split.style.setProperty("--at", `${range.value}%`);
  range.addEventListener("input", follow);
  follow(); // browsers keep a range's value on reload
}

function prepareSlider() {
  const split = document.getElementById("slider");
  if (!split) return;
  const choice = document.getElementById("slider-frame"), side = document.getElementById("slider-left");
  const under = split.querySelector(".under"), over = split.querySelector(".over");
  function choose() {
    const pictures = document.querySelectorAll(`.frame[data-frame="${choice.value}"] img`); // original, synced, result
    const left = pictures[Number(side.value)], right = pictures[2], name = side.selectedOptions[0].textContent;
    for (const [shown, picture] of [[over, left], [under, right]]) {
      shown.src = picture.src;
      shown.alt = picture.alt;
      for (const name of ["width", "height"]) shown.setAttribute(name, picture.getAttribute(name));
    }
    split.style.setProperty("--w", under.getAttribute("width"));
    split.querySelector(".tag.left").textContent = name;
  }
  choice.addEventListener("change", choose);
  side.addEventListener("change", choose);
  choose();
}

for (const split of document.querySelectorAll(".split")) prepareSplit(split);
prepareSlider();
