// The three screens: start, one trial after the other, end.

const $ = (id) => document.getElementById(id);
const study = JSON.parse($("study").textContent);
const pairs = study.mode === "ab";
const ANSWERS = pairs
  ? [["a", "A", "a1"], ["b", "B", "b2"], ["same", "No difference", "n0"]]
  : [["yes", "Yes", "y1"], ["no", "No", "n0"], ["unsure", "Not sure", "u2"]];
const CHOICES = {
  mouth: "edge around the mouth", chin: "chin or jaw", colour: "colour or brightness", flicker: "flicker or trembling",
  other: "something else", lips: "lips, teeth or inside of the mouth", cheeks: "cheeks", nose: "nose", neck: "neck",
  elsewhere: "elsewhere", always: "all the time", moment: "for a moment", edge: "an edge or a box",
  blur: "blur, noise or blocks", double: "something double", motion: "it does not move as it should",
};
const LEADS = {
  where: "Where? (as many as you like)", when: "When? (if you can say)", what: "What? (as many as you like, or none)",
};
const ONE_CHOICE = ["when"];
const QUESTIONS = {
  ab: ["You see two versions of a clip, A and B. Say which one looks more natural.", "Which looks more natural?"],
  seam: ["You see short clips of people talking. In some of them the mouth was replaced. Say whether you can see a " +
    "seam: an edge, a change of colour, or a flicker around the mouth.", "Do you see a seam?"],
  fault: ["You see short clips of people talking. In some of them the mouth was replaced. Say whether anything about " +
    "the mouth or around it looks wrong, whatever it is.", "Does anything about the mouth or around it look wrong?"],
};
const [TASK, ASK] = QUESTIONS[study.mode];
const KEYS = "Space: play or pause. R: replay. , and . (or arrows): one frame. L: loop. S: speed. M: sound. F: full screen. " +
  (pairs ? "V: side by side or one at a time. X: the other one. A, B, N: answer. " : "Y, N, U: answer. ") +
  "Enter: next. Backspace: back.";

const store = new Store(study.study);
const player = new Player($("stage"), showPlayer);
let state = null;
let order = [];
let shownAt = 0;
let watched = 0;

function show(screen) {
  for (const id of ["start", "trial", "end"]) $(id).hidden = id !== screen;
  if (screen !== "trial") player.pause();
}

function notice(text) {
  $("notice").textContent = text;
  $("notice").hidden = !text;
}

function keep() {
  const kept = store.write(`rater:${state.rater}`, state) && store.write("current", state.rater);
  if (!kept) notice("This browser keeps nothing on this device: do not close or reload the page before you save your votes.");
}

function answered() {
  return order.filter((trial) => state.votes[trial.id]?.answer).length;
}

function begin(rater) {
  state = store.read(`rater:${rater}`) ?? newSession(rater);
  order = presentation(study, rater);
  keep();
  if (answered() === order.length) finish();
  else go(Math.min(state.at, order.length - 1));
}

function current() {
  return order[state.at];
}

function vote() {
  const id = current().id;
  state.votes[id] ??= { answer: "", ...noDetails(study), seconds: 0, plays: 0, voted_at: "" };
  return state.votes[id];
}

// Time in front of a trial, without the time that the page was out of sight.
function restClock() {
  if (shownAt) watched += performance.now() - shownAt;
  shownAt = 0;
}

function runClock() {
  if (!document.hidden) shownAt = performance.now();
}

function leave() {
  if (!state || $("trial").hidden || state.at >= order.length) return;
  restClock();
  const left = vote();
  left.seconds += watched / 1000;
  left.plays += player.plays;
  watched = 0;
  player.plays = 0;
  keep();
}

function go(place) {
  leave();
  notice(store.works ? "" : $("notice").textContent);
  state.at = place;
  keep();
  show("trial");
  watched = 0;
  player.load(current().clips, () => notice(
    "This browser cannot play this clip. Try another browser, or go on without an answer."));
  runClock();
  showTrial();
  window.scrollTo(0, 0);
}

function finish() {
  leave();
  show("end");
  const done = answered();
  const left = order.length - done;
  $("end-head").textContent = left ? `${done} of ${order.length} answered` : "Thank you. That was the last clip.";
  $("end-text").textContent = "Save your votes as a file and send it to the person who asked you. " +
    (left ? "You can also go back and answer the rest first." : "");
  $("raw").value = votesCsv(study, order, state);
  $("saved").textContent = "";
  $("save").disabled = $("copy").disabled = !done;
  $("resume").textContent = left ? "Back to the open clips" : "Look at my answers";
  showProgress();
}

function showProgress() {
  const done = state ? answered() : 0;
  $("progress").textContent = $("trial").hidden ? `${done} of ${study.trials.length} answered`
    : `${state.rater}: clip ${state.at + 1} of ${order.length}`;
  $("bar").value = done / study.trials.length;
}

function showTrial() {
  const given = vote();
  const mayAnswer = player.plays + given.plays > 0;
  for (const button of $("answers").children) {
    button.setAttribute("aria-pressed", String(button.dataset.answer === given.answer));
    button.disabled = !mayAnswer;
  }
  $("hold").textContent = mayAnswer ? "" : "Play the clip first.";
  $("where").hidden = given.answer !== "yes";
  for (const box of $("where").querySelectorAll("input")) box.checked = given[box.name].includes(box.value);
  $("previous").disabled = state.at === 0;
  $("next").textContent = state.at + 1 === order.length ? "Finish" : given.answer ? "Next" : "Skip";
  showProgress();
}

function showPlayer() {
  if (!state || $("trial").hidden) return;
  const [time, duration] = [player.time, player.duration];
  if (document.activeElement !== $("seek") || player.playing) $("seek").value = duration ? (1000 * time) / duration : 0;
  $("clock").textContent = `${time.toFixed(2)} of ${(duration || 0).toFixed(2)} s`;
  $("play").textContent = player.playing ? "Pause" : "Play";
  $("loop").setAttribute("aria-pressed", String(player.loop));
  $("speed").textContent = `Speed ${player.speed}\u00d7`;
  $("sound").textContent = player.sound < 0 ? "Sound off" : pairs ? `Sound of ${"AB"[player.sound]}` : "Sound on";
  $("view").textContent = player.flipped ? "Side by side" : "One at a time";
  $("flip").hidden = !player.flipped;
  $("flip").textContent = `Show ${"BA"[player.shown]}`;
  if (player.plays > 0 && $("hold").textContent) showTrial();
}

function answer(value) {
  if (player.plays + vote().plays === 0) return;
  const given = vote();
  given.answer = given.answer === value ? "" : value;
  given.voted_at = new Date().toISOString();
  if (given.answer !== "yes") Object.assign(given, noDetails(study));
  keep();
  showTrial();
}

const ACTIONS = {
  play: () => (player.playing ? player.pause() : player.play()),
  restart: () => player.restart(),
  "back-frame": () => player.step(-1),
  "next-frame": () => player.step(1),
  loop: () => { player.loop = !player.loop; showPlayer(); },
  speed: () => player.setSpeed(SPEEDS[(SPEEDS.indexOf(player.speed) + 1) % SPEEDS.length]),
  sound: () => { player.sound = player.sound + 1 < player.videos.length ? player.sound + 1 : -1; player.arrange(); },
  view: () => { player.flipped = !player.flipped; player.arrange(); },
  flip: () => { player.shown = 1 - player.shown; player.arrange(); },
  full: () => (document.fullscreenElement ? document.exitFullscreen() : $("stage").requestFullscreen()),
  previous: () => { if (state.at > 0) go(state.at - 1); },
  next: () => (state.at + 1 < order.length ? go(state.at + 1) : finish()),
  "pause-here": () => finish(),
  resume: () => go(Math.max(0, order.findIndex((trial) => !state.votes[trial.id]?.answer))),
  other: () => { state = null; $("rater").value = ""; notice(""); show("start"); showProgress(); },
  save: () => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([votesCsv(study, order, state)], { type: "text/csv" }));
    link.download = `votes-${study.study}-${state.rater}.csv`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
    $("saved").textContent = `Saved as ${link.download}, in your downloads. If no file came, copy the votes instead.`;
  },
  copy: async () => {
    let copied = false;
    try {
      await navigator.clipboard.writeText(votesCsv(study, order, state));
      copied = true;
    } catch {
      $("raw-box").open = true;
      $("raw").select();
      copied = document.execCommand("copy");
    }
    $("saved").textContent = copied ? "Copied: paste them into a message." : "Select the text below and copy it.";
  },
};
const PRESSED = {
  " ": "play", r: "restart", ",": "back-frame", ".": "next-frame", arrowleft: "back-frame", arrowright: "next-frame",
  l: "loop", s: "speed", m: "sound", f: "full", enter: "next", backspace: "previous",
  ...(pairs ? { v: "view", x: "flip" } : {}),
};

function run(name) {
  Promise.resolve(ACTIONS[name]()).catch((error) => notice(`That did not work: ${error.message}`));
}

document.addEventListener("keydown", (event) => {
  if ($("trial").hidden || event.ctrlKey || event.altKey || event.metaKey) return;
  const key = event.key.toLowerCase();
  const on = event.target.tagName;
  // A button, box or slider that has the focus takes these keys itself.
  if ((on === "BUTTON" || on === "SUMMARY" || on === "INPUT") && (key === " " || key === "enter")) return;
  if (on === "INPUT" && key.startsWith("arrow")) return;
  const given = ANSWERS.find(([, , keys]) => keys.includes(key));
  if (!PRESSED[key] && !given) return;
  event.preventDefault();
  if (given) answer(given[0]);
  else if (!(event.repeat && ["next", "previous", "play"].includes(PRESSED[key]))) run(PRESSED[key]);
});

for (const id of Object.keys(ACTIONS)) {
  $(id).addEventListener("click", (event) => {
    if (event.detail > 0) $(id).blur(); // after a click the space bar plays again
    run(id);
  });
}
for (const [value, text] of ANSWERS) {
  const button = document.createElement("button");
  button.textContent = text;
  button.dataset.answer = value;
  button.addEventListener("click", (event) => {
    if (event.detail > 0) button.blur();
    answer(value);
  });
  $("answers").append(button);
}
for (const [name, choices] of Object.entries(study.details)) {
  const lead = document.createElement("p");
  lead.textContent = LEADS[name];
  $("where").append(lead);
  for (const choice of choices) {
    const label = document.createElement("label");
    const box = document.createElement("input");
    box.type = ONE_CHOICE.includes(name) ? "radio" : "checkbox";
    box.name = name;
    box.value = choice;
    box.addEventListener("change", () => {
      const checked = $("where").querySelectorAll(`input[name=${name}]:checked`);
      vote()[name] = [...checked].map((each) => each.value);
      vote().voted_at = new Date().toISOString();
      keep();
    });
    label.append(box, CHOICES[choice]);
    $("where").append(label);
  }
}
$("seek").addEventListener("input", () => {
  player.pause();
  player.seek((Number($("seek").value) / 1000) * player.duration);
});
$("begin").addEventListener("submit", (event) => {
  event.preventDefault();
  const rater = cleanRater($("rater").value);
  if (rater) begin(rater);
  else notice("Please give a name or code of letters and digits (dot, dash and underscore within it).");
});
document.addEventListener("visibilitychange", () => {
  if (document.hidden) {
    restClock();
    player.pause();
  } else if (state && !$("trial").hidden) runClock();
});
window.addEventListener("pagehide", leave);
window.addEventListener("pageshow", (event) => { if (event.persisted) runClock(); });

document.title = study.title;
$("title").textContent = study.title;
$("task").textContent = TASK;
$("ask").textContent = ASK;
$("keys").textContent = KEYS;
$("full").hidden = !document.fullscreenEnabled;
$("view").hidden = !pairs;
$("rater").value = cleanRater(new URLSearchParams(location.hash.slice(1)).get("rater") ?? "") ?? "";
const before = store.read("current");
show("start");
showProgress();
if (typeof before === "string" && store.read(`rater:${before}`)) begin(before);
if (!store.works) notice("This browser keeps nothing on this device: save your votes before you close or reload the page.");
