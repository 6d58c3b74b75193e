// Copyright: Contributors to the imageshare.aws project
// GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// ---- The controls

// The filters that are texts.
const TEXTS = ["repository", "principal", "registry"];

function choose(chosen) {
  asked.count = chosen;
  press();
}

function turn(name) {
  asked[name] = !asked[name];
  if (!asked.differs) asked.parts.clear();
  press();
}

function toggle(set, value) {
  if (!set.delete(value)) set.add(value);
  press();
}

const pressed = new Map();

function press() {
  for (const [made, isPressed] of pressed) made.setAttribute("aria-pressed", isPressed());
  field("differences").hidden = !asked.differs;
  select();
}

function toggled(isPressed, attributes, onClick, ...children) {
  const made = button(attributes, onClick, ...children);
  pressed.set(made, isPressed);
  return made;
}

function clear() {
  asked.count = ALL;
  asked.differs = asked.undeclared = false;
  for (const set of [asked.levels, asked.marks, asked.parts]) set.clear();
  for (const id of TEXTS) field(id).value = "";
  press();
}

function drawControls() {
  const [only] = report.registries;
  field("origin").textContent = "";
  field("origin").append(...nodes(`Read at ${foreign(report.generated_at)} from `
    + (severalRegistries || !only ? counted(report.registries.length, "registry", "registries") : placeOf(only))
    + hostWords()));
  drawNotLookedAt();
  for (const count of COUNTS) {
    const value = count.value ?? repositories.filter(count.has).length;
    const content = [element("strong", {}, number(value)), element("span", {}, count.name)];
    const classes = value === 0 ? "none" : count.alarm ? "alarm" : undefined;
    field("counts").append(count.list ? button({ class: classes }, count.list, ...content)
      : toggled(() => asked.count === count && count !== ALL, { class: classes, title: count.title },
        () => choose(asked.count === count ? ALL : count), ...content));
  }
  drawLegend();
  for (const [id, choices] of [["row-order", ROW_ORDERS], ["column-order", COLUMN_ORDERS]]) {
    field(id).append(...[...choices.keys()].map((choice) => new Option(visible(choice), choice)));
    field(id).addEventListener("change", select);
  }
  field("registries").hidden = !severalRegistries;
  field("places").append(...[...new Set(report.registries.flatMap((registry) =>
    [registry.registry_id, registry.region, ...akaOf(registry)]))].filter(Boolean).map((place) => new Option("", place)));
  for (const id of TEXTS) field(id).addEventListener("input", select);
  field("filters").addEventListener("submit", (event) => event.preventDefault());
  field("clear").addEventListener("click", clear);
}

// One host is told here, and several beside their registries.
function hostWords() {
  const hosts = [...new Set(report.registries.flatMap((registry) => registry.hosts))];
  return hosts.length === 1 && hosts[0] !== report.registries[0].registry_id ? ` of ${foreign(hosts[0])}` : "";
}

function drawNotLookedAt() {
  const [sentences, made] = [report.not_looked_at, field("not-looked-at")];
  made.hidden = sentences.length === 0;
  made.firstElementChild.append(...nodes(`Not looked at: ${sentences.map(foreign).join(" ")}`));
  made.append(texts(sentences.map(foreign)));
}

// Each entry is a filter.
function drawLegend() {
  const entry = (set, value, mark, words) => toggled(() => set.has(value), {}, () => toggle(set, value), mark, words);
  const group = (label, attributes, ...entries) => element("div", { role: "group", "aria-label": label, ...attributes }, ...entries);
  const parts = { missing: [levels.keys().next().value], too_much: [levels.keys().next().value] };
  field("legend").append(
    group("Levels", {}, ...[...levels.values()].filter((level) => !level.of_registries)
      .map(({ name, label }) => entry(asked.levels, name, levelMark([name]), label))),
    group("Marks", {}, ...MARKS.map(({ mark, legend }) => entry(asked.marks, mark, levelMark([], ["empty", mark]), legend))),
    group("What is declared", { hidden: !differs },
      toggled(() => asked.undeclared, {}, () => turn("undeclared"), "not on our list"),
      toggled(() => asked.differs, {}, () => turn("differs"), "what differs")),
    group("What differs", { id: "differences" }, ...DIFFERENCES.map(({ part, legend }) =>
      entry(asked.parts, part, differenceMark({ levels: parts[part], missing: [], too_much: [], [part]: parts[part] }), legend))),
  );
}

const MOVES = {
  ArrowUp: () => [at.row - 1, at.column],
  ArrowDown: () => [at.row + 1, at.column],
  ArrowLeft: () => [at.row, at.column - 1],
  ArrowRight: () => [at.row, at.column + 1],
  PageUp: () => [Math.max(0, at.row - page()), at.column],
  PageDown: () => [at.row + page(), at.column],
  Home: (event) => [event.ctrlKey ? 0 : at.row, -1],
  End: (event) => [event.ctrlKey ? shown.rows.length - 1 : at.row, shown.columns.length - 1],
};

function page() {
  return Math.max(1, Math.floor((scroller.clientHeight - table.tHead.offsetHeight) / size("--row")) - 1);
}

function listen() {
  let waiting = false;
  scroller.addEventListener("scroll", () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      drawBody();
    });
  });
  new ResizeObserver(() => drawBody()).observe(scroller);
  scroller.addEventListener("keydown", (event) => {
    const move = MOVES[event.key];
    if (move) goTo(...move(event));
    else if (event.key === "Enter" || event.key === " ") open(shown.rows[at.row], shown.columns[at.column], true);
    else return;
    event.preventDefault();
  });
  table.addEventListener("focusin", (event) => announce(Object.assign(at, positionOf(event.target))));
  table.addEventListener("mousemove", (event) => {
    // A mouse that lies still while the table moves under it says nothing.
    if (event.movementX || event.movementY) announce(positionOf(event.target) ?? at);
  });
  table.addEventListener("click", (event) => {
    const position = positionOf(event.target);
    if (!position) return;
    goTo(position.row, position.column);
    open(shown.rows[position.row], shown.columns[position.column]);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !(event.target instanceof HTMLInputElement)) closeDetail();
  });
  addEventListener("beforeprint", () => {
    drawAll = true;
    drawBody(true);
  });
  addEventListener("afterprint", () => {
    drawAll = false;
    drawBody(true);
  });
}

drawColours();
drawControls();
drawPolicies();
press();
listen();
