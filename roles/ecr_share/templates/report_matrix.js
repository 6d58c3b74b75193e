// Copyright: Contributors to the imageshare.aws project
// GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// ---- Elements

function field(id) {
  return document.getElementById(id);
}

const LINE_BREAK = { toString: () => "\n" };
// Attributes that are shown or read out.
const SHOWN = new Set(["title", "aria-label"]);

// children: nodes, or strings, which become text.
function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [attribute, value] of Object.entries(attributes)) {
    const text = SHOWN.has(attribute) ? String(value).replace(UNSEEN_BUT_MARKS, escaped) : value;
    if (value !== false && value !== undefined) made.setAttribute(attribute, value === true ? "" : text);
  }
  made.append(...children.flatMap((child) => (typeof child === "string" ? nodes(child) : [child])));
  return made;
}

function button(attributes, onClick, ...children) {
  const made = element("button", { type: "button", ...attributes }, ...children);
  made.addEventListener("click", onClick);
  return made;
}

// The policy of the page allows a script to add rules in this way alone.
function drawColours() {
  const sheet = document.styleSheets[0];
  for (const { index, colours: [light, dark] } of levels.values()) {
    const { style } = sheet.cssRules[sheet.insertRule(`.level-${index} {}`, sheet.cssRules.length)];
    style.setProperty("--light", light);
    style.setProperty("--dark", dark);
  }
}

// More than three levels stand in two lines.
function levelMark(names, marks = []) {
  const parts = names.map((name) => levels.get(name)).map(({ index, glyph, alarm }) =>
    element("span", { class: `level-${index}${alarm ? " alarm" : ""}` }, glyph));
  const lines = parts.length > 3 ? ["lines"] : [];
  return element("span", { class: ["mark", ...lines, ...marks].join(" "), "aria-hidden": "true" }, ...parts);
}

function viewMark(view, aside = !view.asked) {
  view.element ??= levelMark(view.levels, view.marks);
  const made = view.element.cloneNode(true);
  made.classList.toggle("aside", aside);
  return made;
}

// What is declared and what is there, in one: each level is both, or only one of them.
function differenceMark({ levels: both, missing, too_much: tooMuch }, marks = []) {
  const made = levelMark(both, ["differing", ...marks]);
  for (const [index, name] of both.entries()) {
    if (missing.includes(name)) made.children[index].classList.add("missing");
    else if (tooMuch.includes(name)) made.children[index].classList.add("too-much");
    else made.children[index].classList.add("same");
  }
  return made;
}

function cellMark(repository, column) {
  const [cell, difference] = [repository.cells.get(column), repository.differences.get(column)];
  const aside = !isAsked(cell, difference);
  if (asked.differs && difference && !aside) return differenceMark(difference, cell?.view.marks);
  return cell && viewMark(cell.view, aside);
}

// Where there is no room for all, the first ones are seen.
function badges({ row, nearLimit, deleted, drifted }) {
  const found = [
    [row.error, "failed", true],
    [row.public, "public", true],
    [row.unscoped_service, "unscoped service", true, UNSCOPED],
    [drifted, "drift", true],
    [deleted, "deleted principal", false],
    [nearLimit, `${Math.floor(100 * row.policy_length / LONGEST)} %`, false],
  ];
  return found.filter(([has]) => has)
    .map(([, text, alarm, title]) => element("span", { class: alarm ? "badge alarm" : "badge", title }, text));
}

// ---- The matrix

const table = field("grid");
const scroller = field("scroller");
// The cell that has or had the focus; -1 is the header. opened: what the detail panel is about.
const at = { row: 0, column: 0 };
let opened = {};
// Which of the shown rows are drawn.
let drawn = { begin: 0, end: 0 };
const lines = new Map();
let drawAll = false;
const AROUND = 12;

function size(property) {
  return parseFloat(getComputedStyle(document.documentElement).getPropertyValue(property));
}

function drawHead() {
  const corner = element("th", { scope: "col", "aria-colindex": 1, tabindex: -1, "aria-label": "Repository" },
    element("div", { class: "hint" }, ...HINTS.map((hint) => element("p", {}, hint))), "Repository");
  const heads = shown.columns.map((column, index) =>
    element("th", {
      scope: "col", tabindex: -1, "aria-colindex": index + 2, class: shown.starts[index] ? "group" : undefined,
      title: column.words,
      "aria-label": `${column.words}, ${counted(column.number, ...ROWS)}`,
    }, element("span", { class: "label" }, ...labelLines(column)), element("span", { class: "number" }, number(column.number))));
  table.tHead.replaceChildren(element("tr", { "aria-rowindex": 1 }, corner, ...heads));
  table.style.width = `${size("--name") + shown.columns.length * size("--cell")}px`;
  table.classList.toggle("twins", twins.size > 0);
  table.setAttribute("aria-rowcount", shown.rows.length + 1);
  table.setAttribute("aria-colcount", shown.columns.length + 1);
}

function labelLines({ lines: [first, second] }) {
  return second === undefined ? [first] : [element("span", { class: "call" }, first), " ", element("span", { class: "id" }, second)];
}

function drawRow(repository, index) {
  const { name, place } = repository;
  const words = [name, ...(severalRegistries ? [place] : [])].join(", ");
  const head = element("th", { scope: "row", tabindex: -1, "aria-colindex": 1, title: words, class: isOpen(repository) ? "open" : undefined },
    element("div", { class: twins.has(repository.row.name) ? "twin" : undefined },
      element("span", { class: "name" }, name),
      ...(severalRegistries ? [element("span", { class: "where" }, place)] : []),
      element("span", { class: "badges" }, ...badges(repository)),
      principalsOf(repository)));
  const drawnCells = shown.columns.map((column, position) => {
    const made = document.createElement("td");
    made.tabIndex = -1;
    made.ariaColIndex = position + 2;
    const classes = [shown.starts[position] && "group", isOpen(repository, column) && "open"].filter(Boolean);
    if (classes.length > 0) made.className = classes.join(" ");
    made.ariaLabel = cellWords(repository, column);
    const mark = cellMark(repository, column);
    if (mark) made.append(mark);
    return made;
  });
  return element("tr", { "aria-rowindex": index + 2 }, head, ...drawnCells);
}

// Where the policy of the registry was not read, there may be more.
function principalsOf({ row, cells }) {
  const words = counted(cells.size, "principal", "principals");
  const unread = row.registry_policy_read === false;
  const title = unread ? `${words}, and whoever the registry policy lets in, which was not read` : words;
  return element("span", { class: "number", title }, `${number(cells.size)}${unread ? "+" : ""}`);
}

// Of what was not read, nobody can say that it gives nothing.
function cellWords({ row, cells, differences }, column) {
  const unknown = row.error || row.registry_policy_read === false;
  const words = cells.get(column)?.view.words ?? (unknown ? "nothing known" : "nothing");
  return asked.differs && differences.has(column) ? `${words}; ${differences.get(column).words}` : words;
}

function isOpen(repository, column) {
  return opened.repository === repository && opened.column === column;
}

function drawBody(anew = false) {
  const height = size("--row");
  const begin = drawAll ? 0 : Math.max(0, Math.floor(scroller.scrollTop / height) - AROUND);
  const end = drawAll ? shown.rows.length
    : Math.min(shown.rows.length, Math.ceil((scroller.scrollTop + scroller.clientHeight) / height) + AROUND);
  // Scrolling within what was drawn around needs nothing new.
  const enough = begin + AROUND / 2 >= drawn.begin && end - AROUND / 2 <= drawn.end;
  const edges = (drawn.begin === 0 || begin > 0) && (drawn.end === shown.rows.length || end < shown.rows.length);
  if (!anew && enough && edges) return;
  const body = table.tBodies[0];
  const focused = body.contains(document.activeElement);
  if (anew) {
    lines.clear();
    body.replaceChildren(filler(), filler());
  }
  for (const [index, line] of lines) {
    if (index < begin || index >= end) {
      line.remove();
      lines.delete(index);
    }
  }
  const first = Math.min(end, ...lines.keys());
  const [above, below] = [[], []];
  for (let index = begin; index < end; index += 1) {
    if (lines.has(index)) continue;
    const line = drawRow(shown.rows[index], index);
    lines.set(index, line);
    (index < first ? above : below).push(line);
  }
  body.firstChild.after(...above);
  body.lastChild.before(...below);
  fill(body.firstChild, begin * height);
  fill(body.lastChild, (shown.rows.length - end) * height);
  drawn = { begin, end };
  const cell = enterable();
  // What loses its element keeps the focus near: the arrow keys go on from the same cell.
  if (focused) (cell === cellAt(at.row, at.column) ? cell : scroller).focus({ preventScroll: true });
}

// Stands for the rows that are not drawn.
function filler() {
  return element("tr", { class: "filler", "aria-hidden": "true" },
    element("td", { colspan: shown.columns.length + 1 }));
}

function fill(made, height) {
  made.firstChild.style.height = `${height}px`;
  made.hidden = height === 0;
}

function cellAt(row, column) {
  const line = row < 0 ? table.tHead.rows[0]
    : row >= drawn.begin && row < drawn.end ? table.tBodies[0].rows[row - drawn.begin + 1] : undefined;
  return line?.cells[column + 1];
}

// The grid is one stop of the Tab key: at the cell that was left, if it is drawn.
function enterable() {
  table.querySelector("[tabindex='0']")?.setAttribute("tabindex", -1);
  const cell = cellAt(at.row, at.column) ?? cellAt(drawn.begin, -1);
  cell?.setAttribute("tabindex", 0);
  return cell;
}

function goTo(row, column) {
  at.row = Math.min(Math.max(row, -1), shown.rows.length - 1);
  at.column = Math.min(Math.max(column, -1), shown.columns.length - 1);
  bringIntoView();
  enterable()?.focus({ preventScroll: true });
}

function bringIntoView() {
  const [height, width, name, head] = [size("--row"), size("--cell"), size("--name"), table.tHead.offsetHeight];
  if (at.row >= 0) bring("scrollTop", at.row * height, height, scroller.clientHeight - head);
  if (at.column >= 0) bring("scrollLeft", at.column * width, width, scroller.clientWidth - name);
  drawBody();
}

// Scrolls a part of the table into the room beside the headers, which stay.
function bring(property, begin, length, room) {
  if (begin < scroller[property]) scroller[property] = begin;
  else if (begin + length > scroller[property] + room) scroller[property] = begin + length - room;
}

function positionOf(target) {
  const cell = target instanceof Element ? target.closest("th, td") : null;
  const line = cell?.parentElement;
  if (!cell || line.classList.contains("filler")) return undefined;
  const inHead = line.parentElement === table.tHead;
  return { row: inHead ? -1 : drawn.begin + line.sectionRowIndex - 1, column: cell.cellIndex - 1 };
}

function textAt({ row, column }) {
  const [repository, principal] = [shown.rows[row], shown.columns[column]];
  if (!repository) return principal ? principal.words : "";
  if (!principal) return `${repository.name} (${repository.place})`;
  return `${repository.name} → ${principal.words}: ${cellWords(repository, principal)}`;
}

function announce(position) {
  field("here").replaceChildren(...nodes(textAt(position)));
  table.tHead.querySelector(".here")?.classList.remove("here");
  if (position.column >= 0) cellAt(-1, position.column)?.classList.add("here");
}
