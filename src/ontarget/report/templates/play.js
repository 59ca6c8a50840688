"use strict";
// Everything from the server is shown through textContent: text of models stays text.
const at = (id) => document.getElementById(id);
const PAUSE = 600; // milliseconds after the last key before an edited request runs
let run = null, filled = "", timer = 0, current = new AbortController(), filling = 0;
const cards = new Map(); // system -> its elements, and its last probabilities

function make(tag, name, text = "") {
  const element = document.createElement(tag);
  element.className = name;
  element.textContent = text;
  return element;
}

async function ask(path, body, signal) {
  const options = body && {
    method: "POST", signal, body: JSON.stringify(body), headers: { "Content-Type": "application/json" },
  };
  const answer = await fetch(path, options);
  const content = await answer.json();
  if (!answer.ok) throw new Error(content.error);
  return content;
}

function asking() {
  return { source: at("source").value, source_lang: at("source_lang").value, asked_lang: at("asked_lang").value };
}

function showFault(error) {
  if (error && error.name === "AbortError") return;
  const lost = error instanceof TypeError;
  at("fault").textContent = error ? (lost ? "The server does not answer; is it still running?" : error.message) : "";
  at("fault").hidden = !error;
}

function markEdits() {
  at("reset").hidden = at("request").value === filled;
}

async function fillRequest() {
  const mine = ++filling;
  const { request } = await ask("request", asking());
  if (mine !== filling) return false;
  filled = request;
  at("request").value = request;
  markEdits();
  return true;
}

async function refill(andRun) {
  clearTimeout(timer);
  try {
    showFault(null);
    if (await fillRequest() && andRun) await answerAll();
  } catch (error) { showFault(error); }
}

async function answerAll() {
  clearTimeout(timer);
  current.abort();
  current = new AbortController();
  const { signal } = current;
  showFault(null);
  if (!at("source").value.trim() && !run.editable) return;
  at("status").textContent = "Translating";
  const body = { ...asking(), request: at("request").value };
  for (const card of cards.values()) card.box.classList.add("waiting");
  try {
    const found = [];
    await Promise.all(run.systems.map(async ({ name, title }) => {
      const answer = await ask("answer", { ...body, system: name }, signal);
      show(cards.get(name), answer, body.asked_lang);
      found.push(`${title}: ${describe(answer)}`);
    }));
    at("status").textContent = found.join(". ");
  } catch (error) {
    if (!signal.aborted) {
      current.abort();
      for (const card of cards.values()) card.box.classList.remove("waiting");
      at("status").textContent = "";
    }
    showFault(error);
  }
}

function describe(answer) {
  if (!answer.text) return "an empty answer";
  if (answer.verdict === "not_judged") return "language not judged";
  const name = answer.language_name || "no single language";
  return name + (answer.off_target ? ", off target" : "");
}

function show(card, answer, asked) {
  card.box.classList.remove("waiting");
  card.box.classList.toggle("off", answer.off_target);
  card.box.classList.toggle("none", !answer.language);
  card.answer.textContent = answer.text || "(empty)";
  card.answer.lang = answer.language;
  card.found.textContent = describe(answer) + (answer.cut ? " \u2013 cut at the limit" : "");
  card.bars.replaceChildren(...answer.first_token.map((one) => bar(one, asked, card.before)));
  card.before = Object.fromEntries(answer.first_token.map((one) => [one.language, one.probability]));
}

function bar({ language, name, probability }, asked, before) {
  const item = make("li", language === asked ? "asked" : "");
  const track = make("span", "track"), fill = make("div", "fill");
  track.setAttribute("aria-hidden", "true");
  fill.style.width = `${100 * probability}%`;
  track.append(fill);
  if (before && language in before) {
    const mark = make("i", "before");
    mark.style.left = `calc(${100 * before[language]}% - 1px)`;
    track.append(mark);
  }
  item.append(make("span", "name", name), track, make("span", "value", `${(100 * probability).toFixed(1)} %`));
  return item;
}

function addCard({ name, title }) {
  const box = make("article", "card none");
  const card = { box, answer: make("p", "answer"), found: make("p", "found"), bars: make("ul", "bars"), before: null };
  card.answer.dir = "auto";
  card.bars.setAttribute("aria-label", `${title}: language at the first token`);
  box.append(make("h2", "", title), card.answer, card.found, card.bars);
  at("results").append(box);
  cards.set(name, card);
}

function addLanguages(select, chosen) {
  for (const { code, name } of run.languages) {
    const option = make("option", "", name === code ? code : `${name} (${code})`);
    option.value = code;
    select.append(option);
  }
  select.value = chosen;
  select.dataset.before = chosen;
}

function changeLanguage(select, other) { // the two are never the same
  if (select.value === other.value) other.value = select.dataset.before;
  for (const one of [select, other]) one.dataset.before = one.value;
  refill(true);
}

function onKey(event) {
  const runs = event.key === "Enter" && !event.isComposing && !event.shiftKey
    && (event.ctrlKey || event.metaKey || event.target.id === "source");
  if (!runs) return;
  event.preventDefault();
  submit();
}

async function submit() { // a refill may still be waiting
  try {
    if (timer && at("request").value === filled) await fillRequest();
    timer = 0;
    await answerAll();
  } catch (error) { showFault(error); }
}

async function start() {
  run = await ask("run");
  at("title").textContent = `ontarget play: ${run.title}`;
  document.title = `ontarget play: ${run.title}`;
  const from = at("source_lang"), into = at("asked_lang");
  addLanguages(from, run.example.source_lang);
  addLanguages(into, run.example.asked_lang);
  at("source").value = run.example.source;
  at("request").readOnly = !run.editable;
  run.systems.forEach(addCard);
  from.addEventListener("change", () => changeLanguage(from, into));
  into.addEventListener("change", () => changeLanguage(into, from));
  at("swap").addEventListener("click", () => {
    [from.value, into.value] = [into.value, from.value];
    changeLanguage(from, into);
  });
  at("source").addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => { timer = 0; refill(false); }, PAUSE / 3);
  });
  at("request").addEventListener("input", () => {
    markEdits();
    clearTimeout(timer);
    timer = setTimeout(() => { timer = 0; answerAll(); }, PAUSE);
  });
  at("reset").addEventListener("click", () => { refill(true); at("request").focus(); });
  for (const id of ["source", "request"]) at(id).addEventListener("keydown", onKey);
  at("form").addEventListener("submit", (event) => { event.preventDefault(); submit(); });
  await refill(true);
}

start().catch(showFault);
