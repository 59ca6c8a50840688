"use strict";

// The segment browser. Texts of models are untrusted: they enter the page as text nodes only.
async function unpack(text) {
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).json();
}

function browse(data) {
  const form = document.getElementById("filters");
  const results = document.getElementById("results");
  const count = document.getElementById("count");
  const PAGE_SIZE = 20;
  // Control, format and separator characters. Joiners (U+200C, U+200D) are part of ordinary words.
  const HIDDEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\u3164\uffa0\u115f\u1160]/u;

  const systems = data.systems.map((system) => system.id);
  const verdicts = data.verdicts.map((verdict) => verdict.id);
  const directions = data.directions.map((direction) => direction.id);
  const notOffTarget = verdicts.map((verdict) => data.not_off_target.includes(verdict));
  const defaults = {
    system: systems.at(-1) ?? "", verdict: "", direction: "", sort: "damage", q: "", page: "1",
  };
  const choices = {
    system: systems,
    verdict: ["", "off_target", ...verdicts],
    direction: ["", ...directions],
    sort: ["damage", "chrf", "order"],
  };
  let state = { ...defaults };
  let matches = []; // indices of segments
  let searchable = null; // all texts, normalised on the first search
  const orders = new Map();

  const normalise = (text) => text.normalize("NFC").toLowerCase();

  function element(name, className, ...children) {
    const node = document.createElement(name);
    if (className) node.className = className;
    node.append(...children);
    return node;
  }

  // Indices of all segments in sorted order, cached.
  function sorted(system, sort) {
    const indices = data.key.map((_, index) => index);
    if (sort === "order") return indices;
    const name = system + " " + sort;
    if (!orders.has(name)) {
      const { damage, chrf } = data.outputs[systems.indexOf(system)];
      const by = sort === "damage" ? (a, b) => damage[b] - damage[a] : (a, b) => chrf[a] - chrf[b];
      orders.set(name, indices.sort((a, b) => by(a, b) || a - b));
    }
    return orders.get(name);
  }

  function findMatches() {
    const outputs = data.outputs[systems.indexOf(state.system)];
    if (!outputs) return [];
    const direction = directions.indexOf(state.direction);
    const verdict = verdicts.indexOf(state.verdict);
    const anyOffTarget = state.verdict === "off_target";
    let hits = null;
    if (state.q) {
      searchable ??= data.texts.map(normalise);
      const query = normalise(state.q);
      hits = searchable.map((text) => text.includes(query));
    }
    return sorted(state.system, state.sort).filter((index) => {
      if (direction >= 0 && data.direction[index] !== direction) return false;
      if (verdict >= 0 && outputs.verdict[index] !== verdict) return false;
      if (anyOffTarget && notOffTarget[outputs.verdict[index]]) return false;
      if (!hits || hits[data.source[index]] || hits[data.reference[index]]) return true;
      return data.outputs.some((system) => hits[system.text[index]]);
    });
  }

  // A text with search hits marked and hidden characters shown as code points.
  function renderText(text, language) {
    const node = element("bdi", "text");
    node.dir = "auto";
    if (language && !language.startsWith("und")) node.lang = language;
    let run = "";
    const flush = () => {
      node.append(...markHits(run));
      run = "";
    };
    for (const character of text) {
      if (character === "\u200c" || character === "\u200d" || !HIDDEN.test(character)) {
        run += character;
        continue;
      }
      flush();
      const code = "U+" + character.codePointAt(0).toString(16).toUpperCase().padStart(4, "0");
      node.append(element("span", "hidden-character", code), character === "\n" ? "\n" : "");
    }
    flush();
    return node;
  }

  function markHits(text) {
    const query = normalise(state.q);
    const searched = normalise(text);
    // If normalising changed the length, positions of hits are unknown.
    if (!query || searched.length !== text.length) return text ? [text] : [];
    const pieces = [];
    let start = 0;
    for (let hit; (hit = searched.indexOf(query, start)) >= 0; start = hit + query.length) {
      const end = hit + query.length;
      pieces.push(text.slice(start, hit), element("mark", "", text.slice(hit, end)));
    }
    return [...pieces, text.slice(start)];
  }

  function renderVerdict(verdict, language, numbers) {
    const name = data.verdicts[verdict].name;
    const tag = element("span", notOffTarget[verdict] ? "tag" : "tag wrong", element("b", "", name));
    tag.append(language ? " (" + language + ")" : "", numbers);
    return tag;
  }

  function renderEntry(name, text, language, tag) {
    const description = element("dd", "", renderText(text, language), tag);
    return element("div", "", element("dt", "", name), description);
  }

  function renderSegment(index) {
    const direction = data.directions[data.direction[index]];
    const heading = element("h3", "", element("b", "", direction.title), " ", data.key[index]);
    const list = element("dl", "");
    const verdict = data.reference_verdict[index];
    const referenceTag = notOffTarget[verdict]
      ? "" : renderVerdict(verdict, data.languages[data.reference_language[index]], "");
    list.append(
      renderEntry("source", data.texts[data.source[index]], direction.langs[0], ""),
      renderEntry("reference", data.texts[data.reference[index]], direction.langs[1], referenceTag)
    );
    data.outputs.forEach((outputs, number) => {
      const language = data.languages[outputs.language[index]];
      const chrf = outputs.chrf[index].toFixed(1);
      const numbers = ` · chrF ${chrf} · damage ${outputs.damage[index].toFixed(2)}`;
      const tag = renderVerdict(outputs.verdict[index], language, numbers);
      const text = data.texts[outputs.text[index]];
      const entry = renderEntry(data.systems[number].name, text, language, tag);
      if (data.systems[number].id === state.system) entry.className = "chosen";
      list.append(entry);
    });
    return element("li", "segment", heading, list);
  }

  function draw() {
    const pages = Math.max(1, Math.ceil(matches.length / PAGE_SIZE));
    const page = Math.min(pages, Number(state.page));
    state.page = String(page);
    const first = (page - 1) * PAGE_SIZE;
    const visible = matches.slice(first, first + PAGE_SIZE);
    results.replaceChildren(...visible.map(renderSegment));
    results.start = first + 1;
    const format = (number) => number.toLocaleString("en");
    count.textContent = matches.length
      ? `${format(matches.length)} of ${format(data.key.length)} segments`
      : `None of ${format(data.key.length)} segments matches the filters`;
    document.getElementById("page").textContent = `Page ${format(page)} of ${format(pages)}`;
    for (const button of document.querySelectorAll("[data-page]")) {
      const back = ["first", "previous"].includes(button.dataset.page);
      button.disabled = back ? page === 1 : page === pages;
    }
  }

  function update() {
    matches = findMatches();
    draw();
  }

  // Puts the filters into the address, after a pause in typing.
  let timer;
  function saveToAddress() {
    clearTimeout(timer);
    timer = setTimeout(() => {
      const changed = Object.entries(state).filter(([key, value]) => value !== defaults[key]);
      history.replaceState(null, "", "#" + (new URLSearchParams(changed).toString() || "segments"));
    }, 250);
  }

  // Sets the filters from the address; missing and invalid values become the defaults.
  function readAddress() {
    const parameters = new URLSearchParams(location.hash.slice(1));
    state = { ...defaults };
    for (const [key, values] of Object.entries(choices)) {
      if (values.includes(parameters.get(key))) state[key] = parameters.get(key);
    }
    state.q = parameters.get("q") ?? "";
    if (/^[1-9]\d{0,6}$/.test(parameters.get("page") ?? "")) state.page = parameters.get("page");
    for (const key of [...Object.keys(choices), "q"]) form.elements[key].value = state[key];
    update();
  }

  function scrollToSegments() {
    document.getElementById("segments").scrollIntoView();
    document.getElementById("segments").focus({ preventScroll: true });
  }

  function turnTo(page) {
    const current = Number(state.page);
    const last = Math.ceil(matches.length / PAGE_SIZE);
    const pages = { first: 1, previous: current - 1, next: current + 1, last };
    state.page = String(pages[page]);
    draw();
    saveToAddress();
    scrollToSegments();
  }

  // The matching segments for export, one column per value.
  function exportRows() {
    const names = ["", " verdict", " language", " chrF", " damage"];
    const columns = systems.flatMap((system) => names.map((name) => system + name));
    const rows = matches.map((index) => [
      data.key[index], directions[data.direction[index]],
      data.texts[data.source[index]], data.texts[data.reference[index]],
      ...data.outputs.flatMap((outputs) => [
        data.texts[outputs.text[index]], verdicts[outputs.verdict[index]],
        data.languages[outputs.language[index]], outputs.chrf[index], outputs.damage[index],
      ]),
    ]);
    return [["key", "direction", "source", "reference", ...columns], ...rows];
  }

  const fill = (name, options) =>
    form.elements[name].append(...options.map(([value, text]) => new Option(text, value)));
  fill("system", data.systems.map(({ id, name }) => [id, name]));
  fill("verdict", [["", "any"], ["off_target", "off-target, any kind"]]);
  fill("verdict", data.verdicts.map(({ id, name }) => [id, name]));
  fill("direction", [["", "all"], ...data.directions.map(({ id, title }) => [id, title])]);

  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", (event) => {
    state[event.target.name] = event.target.value;
    state.page = "1";
    update();
    saveToAddress();
  });
  document.querySelector(".pages").addEventListener("click", (event) => {
    if (event.target.dataset.page) turnTo(event.target.dataset.page);
  });
  document.getElementById("reset").addEventListener("click", () => {
    history.replaceState(null, "", "#segments");
    readAddress();
  });
  document.getElementById("download").addEventListener("click", () =>
    download("segments", exportRows()));
  window.addEventListener("hashchange", () => {
    if (!location.hash.includes("=")) return;
    readAddress();
    scrollToSegments();
  });
  document.getElementById("browser").hidden = false;
  readAddress();
  if (location.hash.includes("=")) document.getElementById("segments").scrollIntoView();
}

{
  const data = document.getElementById("data");
  const status = document.getElementById("unpacking");
  if (data.type === "application/json") {
    status.remove();
    browse(JSON.parse(data.textContent));
  } else {
    status.textContent = "Unpacking the segments …";
    unpack(data.textContent).then(browse).then(
      () => status.remove(),
      (error) => (status.textContent = `This browser cannot show the segments (${error.message}).`)
    );
  }
}
