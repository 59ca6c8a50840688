"use strict";

// A cell of a CSV file. What a spreadsheet would take for a formula gets an apostrophe in front.
function field(value) {
  const text = String(value);
  const harmless = /^[-+]?\d+(\.\d+)?(e[-+]?\d+)?$/.test(text);
  const guarded = !harmless && /^\s*[=+\-@＝＋－＠\t\r\n]/.test(text) ? "'" + text : text;
  return /[",\r\n]/.test(guarded) ? '"' + guarded.replaceAll('"', '""') + '"' : guarded;
}

function csv(rows) {
  return "\ufeff" + rows.map((row) => row.map(field).join(",") + "\r\n").join("");
}

function download(name, rows) {
  const address = URL.createObjectURL(new Blob([csv(rows)], { type: "text/csv" }));
  const link = document.createElement("a");
  link.href = address;
  link.download = name + ".csv";
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10000);
}

function cells(table) {
  return [...table.rows].map((row) =>
    [...row.cells].map((cell) => cell.dataset.value ?? cell.textContent)
  );
}

// Every table of numbers can be taken along.
for (const table of document.querySelectorAll("table[data-name]")) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Table as CSV";
  button.setAttribute("aria-label", "Table " + table.dataset.name + " as CSV");
  button.addEventListener("click", () => download(table.dataset.name, cells(table)));
  table.parentElement.after(button);
}

// Of parts that stand for each other one is shown.
for (const group of document.querySelectorAll(".choices")) {
  const parts = [...group.querySelectorAll(".choice")];
  if (parts.length < 2) continue;
  const label = document.createElement("label");
  const select = document.createElement("select");
  label.append(group.dataset.label + " ", select);
  for (const part of parts) select.append(new Option(part.dataset.choice));
  select.selectedIndex = Number(group.dataset.first);
  const show = () => parts.forEach((part, at) => (part.hidden = at !== select.selectedIndex));
  select.addEventListener("change", show);
  group.prepend(label);
  show();
}

// Squares say all they know when pointed at, tapped or reached by arrow keys.
for (const figure of document.querySelectorAll(".read")) {
  const readout = figure.querySelector(".readout");
  const tell = (square) => {
    readout.textContent = square.getAttribute("aria-label");
    if (square.dataset.href) {
      const link = document.createElement("a");
      link.href = square.dataset.href;
      link.textContent = "Show these segments";
      readout.append(". ", link);
    }
  };
  for (const table of figure.querySelectorAll(".squares")) {
    const squares = [...table.querySelectorAll("td[title]")];
    table.setAttribute("role", "grid");
    squares.forEach((square, at) => {
      square.setAttribute("aria-label", square.title);
      square.setAttribute("role", "gridcell");
      square.removeAttribute("title");
      square.tabIndex = at ? -1 : 0;
    });
    const told = (event) => {
      const square = event.target.closest("td[aria-label]");
      if (square) tell(square);
    };
    for (const name of ["mouseover", "focusin", "click"]) table.addEventListener(name, told);
    table.addEventListener("keydown", (event) => move(event, table, squares));
  }
}

function move(event, table, squares) {
  const here = event.target.closest("td[aria-label]");
  if (!here) return;
  if (event.key === "Enter" && here.dataset.href) {
    location.hash = here.dataset.href;
    return;
  }
  const steps = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
  const step = steps[event.key];
  if (!step) return;
  event.preventDefault();
  let row = here.parentElement.rowIndex;
  let column = here.cellIndex;
  let next;
  do {
    row += step[0];
    column += step[1];
    next = table.rows[row]?.cells[column];
  } while (next && !squares.includes(next));
  const after = step[0] + step[1]; // where nothing is left that way, in the order of reading
  next ??= squares[squares.indexOf(here) + after];
  if (!next) return;
  here.tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
}
