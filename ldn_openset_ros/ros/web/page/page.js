"use strict";

const POLL_PERIOD = 1000;
const SOON = 300;
const STATE_TIMEOUT = 5000;
const RESTART_PERIOD = 3000; // a stream gets so long to begin
const NO_FRAME_AFTER = 3; // seconds
const DIAGNOSTICS_DELAY = 2500; // so long they may tell what was before a change

const find = (id) => document.getElementById(id);
const picture = find("picture");

// Which stream of the server is this page's.
let stream = { id: "", url: "", started: -Infinity };
let state = null;

function make(tag, text, attributes = {}) {
  const element = document.createElement(tag);
  element.textContent = text;
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

// Setting what is there already would close menus and be read out again.
function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function fill(element, key, build) {
  const text = JSON.stringify(key);
  if (element.dataset.key === text) return;
  element.dataset.key = text;
  element.replaceChildren(...build());
}

function words(name) {
  const text = name.replaceAll("_", " ");
  return text[0].toUpperCase() + text.slice(1);
}

/* The stream */

function wanted() {
  const camera = find("camera").value;
  if (document.hidden || state === null || !state.cameras.includes(camera)) return null;
  return new URLSearchParams({ camera, view: find("shown").value }).toString();
}

function stopStream() {
  if (!stream.url) return;
  stream = { id: "", url: "", started: -Infinity };
  picture.removeAttribute("src");
}

function keepStream() {
  const url = wanted();
  if (url === null) return stopStream();
  const running = state.streaming || performance.now() - stream.started < RESTART_PERIOD;
  if (url === stream.url && running) return;
  const id = Math.random().toString(36).slice(2);
  stream = { id, url, started: performance.now() };
  picture.src = `stream?${url}&id=${id}`;
  setTimeout(refresh, SOON);
  const camera = find("camera").value;
  const view = find("shown").selectedOptions[0].text;
  picture.alt = camera ? `${view} of camera ${camera}, live` : `${view}, live`;
}

/* What the state says */

function notice() {
  const { node, alive, cameras, frame_age: age, problem, streaming } = state;
  if (!alive) return `No sign of life from ${node}: is it running, in this ROS domain?`;
  if (!cameras.length) return `${node} publishes no pictures: is it configured and active?`;
  if (problem) return `The picture cannot be shown: ${problem}`;
  if (!streaming && !state.streams_left) return "All streams are taken: close another page.";
  if (age === null) return "Waiting for the first frame.";
  if (age > NO_FRAME_AFTER) return `No frame for ${Math.round(age)} s: see the diagnostics below.`;
  return "";
}

function showNotice(text) {
  const element = find("notice");
  setText(element, text);
  element.hidden = !text;
  element.classList.toggle("warn", Boolean(text));
}

function showCameras() {
  const select = find("camera");
  const chosen = select.value;
  fill(select, state.cameras, () =>
    state.cameras.map((name) => make("option", name || "the only one", { value: name })));
  if (state.cameras.includes(chosen)) select.value = chosen;
  find("camera-field").hidden = state.cameras.length < 2;
}

function chosenStatus() {
  const camera = find("camera").value;
  return state.statuses.find((status) => status.part === camera) ?? state.statuses[0];
}

function badge(level) {
  return make("span", level, { class: `badge ${level.toLowerCase()}` });
}

function showStatuses() {
  const worst = ["ERROR", "STALE", "WARN", "OK"].find((level) =>
    state.statuses.some((status) => status.level === level)) ?? "GONE";
  setText(find("level"), worst);
  find("level").className = `badge ${worst === "GONE" ? "error" : worst.toLowerCase()}`;
  fill(find("statuses"), state.statuses.map((s) => [s.part, s.level, s.message]), () =>
    state.statuses.map(({ part, level, message }) => {
      const line = make("li", "");
      line.append(badge(level), ` ${part}: ${message}`);
      return line;
    }));
}

function row(name, ...cells) {
  const line = make("tr", "");
  line.append(make("th", name, { scope: "row" }), ...cells.map((cell) => make("td", cell)));
  return line;
}

function milliseconds(text) {
  const value = Number.parseFloat(text);
  return Number.isFinite(value) ? value.toFixed(1) : "none";
}

function showTables() {
  const values = chosenStatus()?.values ?? {};
  const used = new Set();
  const take = (name) => (used.add(name), values[name]);
  const rates = ["rate_in_hz", "rate_out_hz"].filter((name) => name in values)
    .map((name) => row(name === "rate_in_hz" ? "In, Hz" : "Out, Hz", take(name)));
  const frames = Object.keys(values).filter((name) => name.startsWith("frames_"))
    .map((name) => row(words(name.slice("frames_".length)), take(name)));
  find("rates").tBodies[0].replaceChildren(...rates, ...frames);
  const latency = Object.keys(values).filter((name) => name.endsWith("_p50_ms")).map((name) => {
    const stage = name.slice(0, -"_p50_ms".length);
    const title = words(stage.replace("latency_", ""));
    return row(title, milliseconds(take(name)), milliseconds(take(`${stage}_p95_ms`)));
  });
  find("latency").tBodies[0].replaceChildren(...latency);
  const rest = Object.keys(values).filter((name) => !used.has(name) && values[name])
    .map((name) => row(words(name), values[name]));
  find("running").tBodies[0].replaceChildren(...rest);
}

function showLegend() {
  const classes = state.legend?.classes ?? [];
  fill(find("legend"), classes, () => classes.map(({ id, name, colour }) => {
    const line = make("li", "");
    const swatch = make("span", "", { class: "swatch" });
    swatch.style.backgroundColor = `rgb(${colour.join(" ")})`;
    line.append(swatch, `${name} (${id})`);
    return line;
  }));
  find("heat").hidden = find("shown").value !== "outlier_probability";
}

/* Controls: a person's entry stays until the node has answered. */

let changing = 0;
let editing = false;
let switched = -Infinity;

function showControls() {
  find("controls").disabled = state.controls === null;
  if (state.controls === null || changing || editing) return;
  const { fusion, fusions, threshold } = state.controls;
  fill(find("fusion"), fusions, () => fusions.map((name) => make("option", name, { value: name })));
  find("fusion").value = fusion;
  const calibrated = typeof threshold !== "number";
  const inForce = calibrated ? state.legend?.threshold : threshold;
  find("calibrated").checked = calibrated;
  if (inForce !== undefined) find("threshold").value = find("threshold-number").value = inForce;
  if (performance.now() - switched > DIAGNOSTICS_DELAY) {
    find("enabled").checked = chosenStatus()?.values.enabled !== "false";
  }
}

async function change(path, body) {
  editing = false;
  changing += 1;
  let reason = "";
  try {
    const answer = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(STATE_TIMEOUT),
    });
    if (!answer.ok) reason = (await answer.json()).reason;
  } catch {
    reason = "The web view does not answer.";
  }
  changing -= 1;
  if (reason) switched = -Infinity;
  setText(find("refusal"), reason);
  find("refusal").hidden = !reason;
  await refresh();
}

function setThreshold(element) {
  if (element.value !== "") change("parameters", { name: "threshold", value: Number(element.value) });
}

find("threshold").addEventListener("input", (event) => {
  find("threshold-number").value = event.target.value;
});
for (const id of ["threshold", "threshold-number"]) {
  find(id).addEventListener("input", () => (editing = true));
  find(id).addEventListener("blur", () => (editing = false));
  find(id).addEventListener("change", (event) => setThreshold(event.target));
}
find("calibrated").addEventListener("change", (event) => {
  const value = event.target.checked ? "calibrated" : Number(find("threshold-number").value);
  change("parameters", { name: "threshold", value });
});
find("fusion").addEventListener("change", (event) => {
  change("parameters", { name: "fusion", value: event.target.value });
});
find("enabled").addEventListener("change", (event) => {
  switched = performance.now();
  change("enable", { enabled: event.target.checked });
});
for (const id of ["camera", "shown"]) find(id).addEventListener("change", refresh);
document.addEventListener("visibilitychange", refresh);

/* The state, once a second */

async function refresh() {
  const asked = new URLSearchParams({
    camera: find("camera").value, view: find("shown").value, id: stream.id,
  });
  try {
    const answer = await fetch(`state?${asked}`, { signal: AbortSignal.timeout(STATE_TIMEOUT) });
    state = await answer.json();
  } catch {
    state = null;
    stopStream();
    picture.hidden = true;
    find("controls").disabled = true;
    return showNotice("The web view does not answer: trying again.");
  }
  setText(find("node"), state.node);
  showCameras();
  showStatuses();
  showTables();
  showLegend();
  showControls();
  keepStream();
  picture.hidden = state.frame_age === null;
  showNotice(notice());
}

async function run() {
  await refresh();
  setTimeout(run, POLL_PERIOD);
}
run();
