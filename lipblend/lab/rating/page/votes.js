"use strict";
// Order and sides (the same as rating/order.py computes), the store on this device, and the file of votes.

function hash32(text) {
  let number = 2166136261;
  for (const byte of new TextEncoder().encode(text)) number = Math.imul(number ^ byte, 16777619) >>> 0;
  return number;
}

function randomNumbers(text) {
  let state = hash32(text) || 1;
  const draw = (limit) => {
    state = (state ^ (state << 13)) >>> 0;
    state = (state ^ (state >>> 17)) >>> 0;
    state = (state ^ (state << 5)) >>> 0;
    return Math.floor((state * limit) / 4294967296);
  };
  for (let i = 0; i < 8; i++) draw(1);
  return draw;
}

function presentation(study, rater) {
  const draw = randomNumbers(`${study.seed}|${study.study}|${rater}`);
  const order = study.trials.map((_, index) => index);
  for (let last = order.length - 1; last > 0; last--) {
    const other = draw(last + 1);
    [order[last], order[other]] = [order[other], order[last]];
  }
  const sides = [];
  for (let i = 0; i < Math.ceil(order.length / 2); i++) sides.push(draw(2) === 1);
  return order.map((index) => {
    const { id, clips } = study.trials[index];
    const swapped = sides[Math.floor(index / 2)];
    return { id, clips: swapped ? [...clips].reverse() : clips };
  });
}

// What a rater may be called: nothing that a spreadsheet would take for a formula.
function cleanRater(text) {
  const name = text.trim().toLowerCase();
  return /^[a-z0-9][a-z0-9._-]{0,39}$/.test(name) ? name : null;
}

class Store {
  constructor(study) {
    this.prefix = `lipblend-ab:${study}`;
    this.works = true;
    try {
      localStorage.setItem(`${this.prefix}:test`, "1");
      localStorage.removeItem(`${this.prefix}:test`);
    } catch {
      this.works = false;
    }
  }

  read(name) {
    if (!this.works) return null;
    try {
      return JSON.parse(localStorage.getItem(`${this.prefix}:${name}`));
    } catch {
      return null;
    }
  }

  // False when this device refuses to keep it.
  write(name, value) {
    try {
      localStorage.setItem(`${this.prefix}:${name}`, JSON.stringify(value));
    } catch {
      this.works = false;
    }
    return this.works;
  }
}

function newSession(rater) {
  const bytes = crypto.getRandomValues(new Uint8Array(4));
  const id = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return { rater, session: `s${id}`, at: 0, votes: {} };
}

// What is asked after "yes", with nothing chosen yet.
function noDetails(study) {
  return Object.fromEntries(Object.keys(study.details).map((name) => [name, []]));
}

function csvField(value) {
  let text = String(value);
  if (/^[=+\-@\t\r]/.test(text)) text = `'${text}`;
  return /[",;\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function votesCsv(study, order, state) {
  const rows = [study.columns];
  order.forEach((trial, place) => {
    const vote = state.votes[trial.id];
    if (!vote || !vote.answer) return;
    const files = trial.clips.map((clip) => clip.file);
    const fields = {
      study: study.study, session: state.session, rater: state.rater, number: place + 1, trial: trial.id,
      clip_a: files[0], clip_b: files[1] ?? "", answer: vote.answer, seconds: vote.seconds.toFixed(1),
      plays: vote.plays, voted_at: vote.voted_at,
    };
    for (const name of Object.keys(study.details)) fields[name] = vote.answer === "yes" ? vote[name].join("|") : "";
    rows.push(study.columns.map((column) => fields[column] ?? ""));
  });
  return rows.map((row) => row.map(csvField).join(",") + "\r\n").join("");
}
