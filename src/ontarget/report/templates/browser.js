"use strict";

// The browser of segments. Texts of models are hostile: they enter the page as text nodes only.
async function unpacked(text) {
  const bytes = Uint8Array.from(atob(text), (each) => each.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).json();
}

function browse(data) {
  const form = document.getElementById("filters");
  const results = document.getElementById("results");
  const count = document.getElementById("count");
  const ON_A_PAGE = 20;
  // Controls, formats and separators; the two joiners are needed in words of several languages.
  const HIDDEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\u3164\uffa0\u115f\u1160]/u;

  const systems = data.systems.map((each) => each.id);
  const verdicts = data.verdicts.map((each) => each.id);
  const directions = data.directions.map((each) => each.id);
  const innocent = verdicts.map((each) => data.not_off_target.includes(each));
  const standard = {
    system: systems.at(-1) ?? "", verdict: "", direction: "", sort: "damage", q: "", page: "1",
  };
  const known = {
    system: systems,
    verdict: ["", "off_target", ...verdicts],
    direction: ["", ...directions],
    sort: ["damage", "chrf", "order"],
  };
  let state = { ...standard };
  let found = [];
  let haystack = null;
  const orders = new Map();

  const plain = (text) => text.normalize("NFC").toLowerCase();

  function element(name, kind, ...children) {
    const made = document.createElement(name);
    if (kind) made.className = kind;
    made.append(...children);
    return made;
  }

  // Segment numbers in the order asked for, made once.
  function order(system, sort) {
    const numbers = data.key.map((_, at) => at);
    if (sort === "order") return numbers;
    const name = system + " " + sort;
    if (!orders.has(name)) {
      const { damage, chrf } = data.answers[systems.indexOf(system)];
      const by = sort === "damage" ? (a, b) => damage[b] - damage[a] : (a, b) => chrf[a] - chrf[b];
      orders.set(name, numbers.sort((a, b) => by(a, b) || a - b));
    }
    return orders.get(name);
  }

  function matching() {
    const answers = data.answers[systems.indexOf(state.system)];
    if (!answers) return [];
    const direction = directions.indexOf(state.direction);
    const verdict = verdicts.indexOf(state.verdict);
    const off = state.verdict === "off_target";
    let hits = null;
    if (state.q) {
      haystack ??= data.texts.map(plain);
      const wanted = plain(state.q);
      hits = haystack.map((text) => text.includes(wanted));
    }
    return order(state.system, state.sort).filter((at) => {
      if (direction >= 0 && data.direction[at] !== direction) return false;
      if (verdict >= 0 && answers.verdict[at] !== verdict) return false;
      if (off && innocent[answers.verdict[at]]) return false;
      if (!hits || hits[data.source[at]] || hits[data.reference[at]]) return true;
      return data.answers.some((each) => hits[each.text[at]]);
    });
  }

  // A text with its hits marked and its hidden characters written out.
  function shown(text, language) {
    const made = element("bdi", "text");
    made.dir = "auto";
    if (language && !language.startsWith("und")) made.lang = language;
    let run = "";
    const flush = () => {
      made.append(...marked(run));
      run = "";
    };
    for (const character of text) {
      if (character === "\u200c" || character === "\u200d" || !HIDDEN.test(character)) {
        run += character;
        continue;
      }
      flush();
      const code = "U+" + character.codePointAt(0).toString(16).toUpperCase().padStart(4, "0");
      made.append(element("span", "hidden-character", code), character === "\n" ? "\n" : "");
    }
    flush();
    return made;
  }

  function marked(text) {
    const wanted = plain(state.q);
    const lower = plain(text);
    if (!wanted || lower.length !== text.length) return text ? [text] : [];
    const pieces = [];
    let from = 0;
    for (let at; (at = lower.indexOf(wanted, from)) >= 0; from = at + wanted.length) {
      pieces.push(text.slice(from, at), element("mark", "", text.slice(at, at + wanted.length)));
    }
    return [...pieces, text.slice(from)];
  }

  function judged(verdict, language, numbers) {
    const name = data.verdicts[verdict].name;
    const tag = element("span", innocent[verdict] ? "tag" : "tag wrong", element("b", "", name));
    tag.append(language ? " (" + language + ")" : "", numbers);
    return tag;
  }

  function part(name, text, language, tag) {
    return element("div", "", element("dt", "", name), element("dd", "", shown(text, language), tag));
  }

  function segment(at) {
    const direction = data.directions[data.direction[at]];
    const heading = element("h3", "", element("b", "", direction.title), " ", data.key[at]);
    const list = element("dl", "");
    const referenceLanguage = data.languages[data.reference_language[at]];
    list.append(
      part("source", data.texts[data.source[at]], direction.langs[0], ""),
      part("reference", data.texts[data.reference[at]], direction.langs[1],
        innocent[data.reference_verdict[at]] ? ""
          : judged(data.reference_verdict[at], referenceLanguage, ""))
    );
    data.answers.forEach((each, number) => {
      const language = data.languages[each.language[at]];
      const numbers = ` · chrF ${each.chrf[at].toFixed(1)} · damage ${each.damage[at].toFixed(2)}`;
      const tag = judged(each.verdict[at], language, numbers);
      const made = part(data.systems[number].name, data.texts[each.text[at]], language, tag);
      if (data.systems[number].id === state.system) made.className = "chosen";
      list.append(made);
    });
    return element("li", "segment", heading, list);
  }

  function draw() {
    const pages = Math.max(1, Math.ceil(found.length / ON_A_PAGE));
    const page = Math.min(pages, Number(state.page));
    state.page = String(page);
    const first = (page - 1) * ON_A_PAGE;
    const here = found.slice(first, first + ON_A_PAGE);
    results.replaceChildren(...here.map(segment));
    results.start = first + 1;
    const number = (value) => value.toLocaleString("en");
    count.textContent = found.length
      ? `${number(found.length)} of ${number(data.key.length)} segments`
      : `No segment of ${number(data.key.length)}: widen the filters`;
    document.getElementById("page").textContent = `Page ${number(page)} of ${number(pages)}`;
    for (const button of document.querySelectorAll("[data-page]")) {
      const back = ["first", "previous"].includes(button.dataset.page);
      button.disabled = back ? page === 1 : page === pages;
    }
  }

  function update() {
    found = matching();
    draw();
  }

  let waiting;
  function keep() {
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      const given = Object.entries(state).filter(([key, value]) => value !== standard[key]);
      history.replaceState(null, "", "#" + (new URLSearchParams(given).toString() || "segments"));
    }, 250);
  }

  // The fragment as filters; what it does not know stays as it is by default.
  function read() {
    const given = new URLSearchParams(location.hash.slice(1));
    state = { ...standard };
    for (const [key, values] of Object.entries(known)) {
      if (values.includes(given.get(key))) state[key] = given.get(key);
    }
    state.q = given.get("q") ?? "";
    if (/^[1-9]\d{0,6}$/.test(given.get("page") ?? "")) state.page = given.get("page");
    for (const key of [...Object.keys(known), "q"]) form.elements[key].value = state[key];
    update();
  }

  function go(where) {
    const last = String(Math.ceil(found.length / ON_A_PAGE));
    const to = { first: "1", last, previous: String(state.page - 1), next: String(+state.page + 1) };
    state.page = to[where];
    draw();
    keep();
    document.getElementById("segments").scrollIntoView();
    document.getElementById("segments").focus({ preventScroll: true });
  }

  function rows() {
    const each = (name) => ["", " verdict", " language", " chrF", " damage"].map((x) => name + x);
    const head = ["key", "direction", "source", "reference"];
    const lines = found.map((at) => [
      data.key[at], directions[data.direction[at]],
      data.texts[data.source[at]], data.texts[data.reference[at]],
      ...data.answers.flatMap((of) => [
        data.texts[of.text[at]], verdicts[of.verdict[at]], data.languages[of.language[at]],
        of.chrf[at], of.damage[at],
      ]),
    ]);
    return [[...head, ...systems.flatMap(each)], ...lines];
  }

  const fill = (name, options) =>
    form.elements[name].append(...options.map((each) => new Option(each[1], each[0])));
  fill("system", data.systems.map((each) => [each.id, each.name]));
  fill("verdict", [["", "any"], ["off_target", "off-target, any kind"]]);
  fill("verdict", data.verdicts.map((each) => [each.id, each.name]));
  fill("direction", [["", "all"], ...data.directions.map((each) => [each.id, each.title])]);

  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", (event) => {
    state[event.target.name] = event.target.value;
    state.page = "1";
    update();
    keep();
  });
  document.querySelector(".pages").addEventListener("click", (event) => {
    if (event.target.dataset.page) go(event.target.dataset.page);
  });
  document.getElementById("reset").addEventListener("click", () => {
    history.replaceState(null, "", "#segments");
    read();
  });
  document.getElementById("download").addEventListener("click", () => download("segments", rows()));
  window.addEventListener("hashchange", () => {
    if (!location.hash.includes("=")) return;
    read();
    document.getElementById("segments").scrollIntoView();
    document.getElementById("segments").focus({ preventScroll: true });
  });
  document.getElementById("browser").hidden = false;
  read();
  if (location.hash.includes("=")) document.getElementById("segments").scrollIntoView();
}

{
  const data = document.getElementById("data");
  const told = document.getElementById("unpacking");
  if (data.type === "application/json") {
    told.remove();
    browse(JSON.parse(data.textContent));
  } else {
    told.textContent = "Unpacking the segments …";
    unpacked(data.textContent).then(browse).then(
      () => told.remove(),
      (error) => (told.textContent = `This browser cannot show the segments (${error.message}).`)
    );
  }
}
