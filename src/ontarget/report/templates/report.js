"use strict";

// What a spreadsheet takes for a formula, perhaps after spaces and quotes.
const AT_START = /^(?=[\t\r\n]|[\s"]*[=+\-@＝＋－＠])/;
// A spreadsheet that expects semicolons or tabs instead of commas misreads our quotes and splits
// cells at these characters and at line breaks, so the text after each of them is guarded too.
const AFTER_SEPARATOR = /([;\t\r\n\v\f\x85\u2028\u2029])(?=[\s"]*[=+\-@＝＋－＠])/g;
const NUMBER = /^[-+]?\d+(\.\d+)?(e[-+]?\d+)?$/;

// A cell of a CSV file, always quoted. An apostrophe before a formula makes it a text.
function csvCell(value) {
  let text = String(value);
  if (!NUMBER.test(text)) text = text.replace(AFTER_SEPARATOR, "$1'").replace(AT_START, "'");
  return '"' + text.replaceAll('"', '""') + '"';
}

function csv(rows) {
  return "\ufeff" + rows.map((row) => row.map(csvCell).join(",") + "\r\n").join("");
}

function download(name, rows) {
  const address = URL.createObjectURL(new Blob([csv(rows)], { type: "text/csv" }));
  const link = document.createElement("a");
  link.href = address;
  link.download = name + ".csv";
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10000);
}

function tableRows(table) {
  return [...table.rows].map((row) =>
    [...row.cells].map((cell) => cell.dataset.value ?? cell.textContent)
  );
}

// Every table of numbers gets a button to export it.
for (const table of document.querySelectorAll("table[data-name]")) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Table as CSV";
  button.setAttribute("aria-label", "Table " + table.dataset.name + " as CSV");
  button.addEventListener("click", () => download(table.dataset.name, tableRows(table)));
  table.parentElement.after(button);
}

// Of alternative parts, a select element shows one at a time.
for (const group of document.querySelectorAll(".choices")) {
  const parts = [...group.querySelectorAll(".choice")];
  if (parts.length < 2) continue;
  const label = document.createElement("label");
  const select = document.createElement("select");
  label.append(group.dataset.label + " ", select);
  for (const part of parts) select.append(new Option(part.dataset.choice));
  select.selectedIndex = Number(group.dataset.first);
  const show = () => parts.forEach((part, index) => (part.hidden = index !== select.selectedIndex));
  select.addEventListener("change", show);
  group.prepend(label);
  show();
}

// The readout shows the details of a square on hover, tap or keyboard focus.
for (const figure of document.querySelectorAll(".read")) {
  const readout = figure.querySelector(".readout");
  const showDetails = (event) => {
    const square = event.target.closest("td[aria-label]");
    if (!square) return;
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
    squares.forEach((square, index) => {
      square.setAttribute("aria-label", square.title);
      square.setAttribute("role", "gridcell");
      square.removeAttribute("title");
      square.tabIndex = index ? -1 : 0; // one tab stop per table
    });
    for (const name of ["mouseover", "focusin", "click"]) table.addEventListener(name, showDetails);
    table.addEventListener("keydown", (event) => handleKey(event, table, squares));
  }
}

// Arrow keys move the focus between squares, Enter opens the segments of a square.
function handleKey(event, table, squares) {
  const current = event.target.closest("td[aria-label]");
  if (!current) return;
  if (event.key === "Enter" && current.dataset.href) {
    location.hash = current.dataset.href;
    return;
  }
  const moves = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
  const move = moves[event.key];
  if (!move) return;
  event.preventDefault();
  let row = current.parentElement.rowIndex;
  let column = current.cellIndex;
  let next;
  do {
    row += move[0];
    column += move[1];
    next = table.rows[row]?.cells[column];
  } while (next && !squares.includes(next));
  next ??= squares[squares.indexOf(current) + move[0] + move[1]]; // at the edge: in reading order
  if (!next) return;
  current.tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
}
