// Copyright: Contributors to the imageshare.aws project
// GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// The rules:
// - What is shown comes from policies that strangers wrote: it becomes text nodes and attributes through element(), and
//   never markup. Whatever puts it beside other text calls foreign(), which keeps its direction to itself and shows what
//   is not seen.
// - What a policy means is computed before: the levels, their colours and the views of cells are data.
// - Only the rows in sight are drawn: a thousand rows of fifty cells would take seconds.
"use strict";
{
  // ---- Words

  const MARKS = [
    { mark: "conditional", legend: "under a condition" },
    { mark: "doubtful", legend: "partly or maybe denied" },
    { mark: "defeated", legend: "denied" },
  ];
  const HINTS = [
    "Columns are everyone, organizations and their units, accounts, roles, users, sessions, AWS services and deleted "
      + "principals. Numbers count repositories and principals.",
    "Arrow keys move, Enter opens the statements, Escape closes them.",
  ];
  // In the order of columns.
  const TYPES = new Map([
    ["everyone", "everyone"],
    ["organization", "organization"],
    ["organizational_unit", "organizational unit"],
    ["account", "account"],
    ["role", "role"],
    ["user", "user"],
    ["session", "session"],
    ["service", "AWS service"],
    ["deleted", "deleted principal"],
    ["other", "other principal"],
  ]);
  // https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_SetRepositoryPolicy.html
  // https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutRegistryPolicy.html
  const LONGEST = 10240;
  const NEAR = 0.8;
  const UNSCOPED = "open to a service without a source condition";
  const UNREAD = "not read, others may get in by it";

  const plain = new Intl.Collator("en", { numeric: true });
  const number = (value) => value.toLocaleString("en");
  const counted = (value, one, many) => `${number(value)} ${value === 1 ? one : many}`;

  // ---- Foreign texts

  // What no font shows, or what moves other text: an escape of JSON stands for each. In layout, line breaks are ours.
  const UNSEEN = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]|(?! )\p{Zs}/gu;
  const UNSEEN_BUT_MARKS = /(?![\u2068\u2069])(?:[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]|(?! )\p{Zs})/gu;

  function escaped(characters) {
    return characters.split("")
      .map((unit) => (unit < " " ? JSON.stringify(unit).slice(1, -1)
        : `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)).join("");
  }

  const visible = (text) => String(text).replace(UNSEEN, escaped);

  // The marks are those of Unicode for an isolate. element() makes elements of them; in attributes they stay.
  const foreign = (text) => `\u2068${visible(text)}\u2069`;

  // Text with marks as nodes: what is foreign is an element of its own.
  function nodes(text) {
    if (!text.includes("\u2068")) return [visible(text)];
    return text.split(/\u2068([^\u2069]*)\u2069/).map((part, index) => {
      if (index % 2 === 0) return visible(part);
      const made = document.createElement("bdi");
      made.textContent = part;
      return made;
    }).filter((part) => part !== "");
  }

  // JSON in lines, in which each string keeps its direction to itself.
  function jsonBlock(value) {
    const lines = JSON.stringify(value, null, 2).split("\n").map((line) =>
      nodes(line.replace(/"((?:[^"\\]|\\.)*)"/gu, (_string, inner) => `"${foreign(inner)}"`)));
    return element("pre", { tabindex: 0 }, ...lines.flatMap((line, index) => (index ? [LINE_BREAK, ...line] : line)));
  }

  // ---- The data, indexed

  const report = JSON.parse(document.getElementById("report").textContent);
  const levels = new Map(report.levels.map((level, index) => [level.name, { ...level, index }]));
  // found: what the legend finds it by; what is denied is found as such alone.
  const views = report.views.map((view) => ({ ...view, found: view.marks.includes("defeated") ? [] : view.levels }));
  const severalPartitions = new Set(report.registries.map((registry) => registry.partition)).size > 1;
  const columns = new Map();
  const repositories = report.registries.flatMap((registry) =>
    registry.repositories.map((row) => readRepository(row, registry)));
  const typesInOrder = [...TYPES.keys()];
  // What is known of the policy of each registry, in this order.
  const POLICY_STATES = [
    { words: UNREAD, alarm: true, is: (policy) => !policy.read },
    { words: "open to everyone, or to any account", alarm: true, is: (policy) => policy.public },
    { words: UNSCOPED, alarm: true, is: (policy) => policy.unscoped_service },
    { words: "with shares", is: (policy) => policy.shares.length > 0 },
    { words: "that lets nobody in, and may deny", one: "lets nobody in, and may deny", is: (policy) => policy.policy_length > 0 },
    { words: "none", is: () => true },
  ];
  const registryPolicies = report.registries.filter((registry) => registry.registry_policy)
    .map((registry) => ({ registry, policy: registry.registry_policy }));

  function readRepository(row, registry) {
    const shares = row.shares ?? [];
    const cells = new Map(row.cells.map((cell) => {
      const its = cell.shares.map((index, position) => ({ share: shares[index], view: views[cell.share_views[position]] }));
      return [columnOf(its[0].share, registry.partition), { view: views[cell.view], shares: its }];
    }));
    for (const column of cells.keys()) column.number += 1;
    return {
      row, registry, shares, cells,
      name: foreign(row.name),
      where: `${registry.registry_id} ${registry.region}`,
      place: `${foreign(registry.registry_id)} ${foreign(registry.region)}`,
      search: row.name.toLowerCase(),
      nearLimit: (row.policy_length ?? 0) > NEAR * LONGEST,
      deleted: (row.deleted_principals ?? []).length > 0,
      denied: shares.some((share) => share.denied_by.length > 0),
      drifted: row.drift !== undefined,
    };
  }

  // One and the same account id is two accounts in two partitions.
  function columnOf({ principal, principal_type: type }, partition) {
    const key = `${partition} ${type} ${principal}`;
    if (!columns.has(key)) {
      const label = labelOf(type, principal) + (severalPartitions ? ` (${foreign(partition)})` : "");
      columns.set(key, {
        label, type,
        name: foreign(principal),
        words: type === "everyone" ? label : wordsOf(type, principal),
        search: `${principal} ${TYPES.get(type) ?? foreign(type)}`.toLowerCase(),
        number: 0,
      });
    }
    return columns.get(key);
  }

  function wordsOf(type, principal) {
    return type === "everyone" ? "everyone" : `${TYPES.get(type) ?? foreign(type)} ${foreign(principal)}`;
  }

  // What differs between the ARNs of one account comes first: there is little room.
  function labelOf(type, principal) {
    if (type === "everyone") return "everyone";
    const arn = /^arn:[^:]*:[^:]*:[^:]*:([^:]*):(.+)$/.exec(principal);
    return arn ? `${foreign(arn[2])} ${foreign(arn[1])}` : foreign(principal);
  }

  // ---- What is asked for

  const COUNTS = [
    { name: "repositories", value: repositories.length, has: () => true },
    { name: "shares", value: sum((repository) => repository.shares.length), has: (repository) => repository.shares.length > 0 },
    { name: "principals", value: columns.size, list: true },
    { name: "public", alarm: true, has: (repository) => repository.row.public },
    { name: "unscoped service", title: UNSCOPED, alarm: true, has: (repository) => repository.row.unscoped_service },
    { name: "with deleted principals", has: (repository) => repository.deleted },
    { name: "near the size limit", has: (repository) => repository.nearLimit },
    { name: "denied", has: (repository) => repository.denied },
    { name: "failed to read", alarm: true, has: (repository) => repository.row.error },
    ...(report.compared ? [{ name: "drifted", alarm: true, has: (repository) => repository.drifted }] : []),
  ];
  const ROW_ORDERS = new Map([
    ["by name", () => 0],
    ["most shares first", (a, b) => b.cells.size - a.cells.size],
    ["longest policy first", (a, b) => (b.row.policy_length ?? 0) - (a.row.policy_length ?? 0)],
  ]);
  const COLUMN_ORDERS = new Map([
    ["by type and name", (a, b) => typesInOrder.indexOf(a.type) - typesInOrder.indexOf(b.type)],
    ["by name", () => 0],
    ["most shares first", (a, b) => b.number - a.number],
  ]);
  const REGISTRIES = new Map([["all", () => true]]);
  for (const region of new Set(report.registries.map((registry) => registry.region))) {
    REGISTRIES.set(region, (repository) => repository.registry.region === region);
  }
  for (const { registry_id: id } of report.registries) {
    REGISTRIES.set(id, (repository) => repository.registry.registry_id === id);
  }
  for (const where of new Set(repositories.map((repository) => repository.where))) {
    REGISTRIES.set(where, (repository) => repository.where === where);
  }

  const asked = { count: COUNTS[0], levels: new Set(), marks: new Set() };
  const shown = { rows: [], columns: [], starts: [] };

  function sum(value) {
    return repositories.reduce((total, repository) => total + value(repository), 0);
  }

  // Each entry of the legend narrows: two levels leave the cells that have both.
  function isAsked({ found, marks }) {
    return [...asked.levels].every((level) => found.includes(level)) && [...asked.marks].every((mark) => marks.includes(mark));
  }

  // A filter of columns or cells leaves the rows that have something to show, and the other way round.
  function select() {
    const repository = field("repository").value.trim().toLowerCase();
    const principal = field("principal").value.trim().toLowerCase();
    const inRegistry = REGISTRIES.get(field("registry").value);
    for (const view of views) view.asked = isAsked(view);
    const fits = ({ view }, column) => view.asked && column.search.includes(principal);
    const narrowed = principal !== "" || asked.levels.size > 0 || asked.marks.size > 0;

    const used = new Set();
    shown.rows = repositories.filter((candidate) => {
      if (!candidate.search.includes(repository) || !inRegistry(candidate) || !asked.count.has(candidate)) return false;
      let any = false;
      for (const [column, cell] of candidate.cells) {
        if (fits(cell, column)) {
          used.add(column);
          any = true;
        }
      }
      return any || !narrowed;
    });
    shown.columns = [...used];

    const rowOrder = ROW_ORDERS.get(field("row-order").value);
    const columnOrder = COLUMN_ORDERS.get(field("column-order").value);
    shown.rows.sort((a, b) => rowOrder(a, b) || plain.compare(a.row.name, b.row.name) || plain.compare(a.where, b.where));
    shown.columns.sort((a, b) => columnOrder(a, b) || plain.compare(a.label, b.label));
    // A line parts the types where they stand together.
    const byType = field("column-order").value === "by type and name";
    shown.starts = shown.columns.map((column, index) => byType && column.type !== shown.columns[index - 1]?.type);

    field("shown").textContent = `${number(shown.rows.length)} of ${counted(repositories.length, "repository", "repositories")}, `
      + `${number(shown.columns.length)} of ${counted(columns.size, "principal", "principals")}`;
    field("nothing").hidden = shown.rows.length > 0;
    field("scroller").hidden = shown.rows.length === 0;
    field("scroller").scrollTo(0, 0);
    at.row = at.column = 0;
    field("here").textContent = "";
    drawHead();
    drawBody(true);
  }

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

  function viewMark(view) {
    view.element ??= levelMark(view.levels, view.marks);
    const made = view.element.cloneNode(true);
    made.classList.toggle("aside", !view.asked);
    return made;
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
  const severalRegistries = report.registries.length > 1;
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
        "aria-label": `${column.words}, ${counted(column.number, "repository", "repositories")}`,
      }, element("span", { class: "label" }, column.label), element("span", { class: "number" }, number(column.number))));
    table.tHead.replaceChildren(element("tr", { "aria-rowindex": 1 }, corner, ...heads));
    table.style.width = `${size("--name") + shown.columns.length * size("--cell")}px`;
    table.setAttribute("aria-rowcount", shown.rows.length + 1);
    table.setAttribute("aria-colcount", shown.columns.length + 1);
  }

  function drawRow(repository, index) {
    const { name, cells, place } = repository;
    const words = [name, ...(severalRegistries ? [place] : [])].join(", ");
    const head = element("th", { scope: "row", tabindex: -1, "aria-colindex": 1, title: words, class: isOpen(repository) ? "open" : undefined },
      element("div", {},
        element("span", { class: "name" }, name),
        ...(severalRegistries ? [element("span", { class: "where" }, place)] : []),
        element("span", { class: "badges" }, ...badges(repository)),
        principalsOf(repository)));
    const drawnCells = shown.columns.map((column, position) => {
      const cell = cells.get(column);
      const made = document.createElement("td");
      made.tabIndex = -1;
      made.ariaColIndex = position + 2;
      const classes = [shown.starts[position] && "group", isOpen(repository, column) && "open"].filter(Boolean);
      if (classes.length > 0) made.className = classes.join(" ");
      made.ariaLabel = cellWords(repository, column);
      if (cell) made.append(viewMark(cell.view));
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
  function cellWords({ row, cells }, column) {
    const unknown = row.error || row.registry_policy_read === false;
    return cells.get(column)?.view.words ?? (unknown ? "nothing known" : "nothing");
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
    const [height, width, name, head] = [size("--row"), size("--cell"), size("--name"), table.tHead.offsetHeight];
    if (at.row >= 0) bring("scrollTop", at.row * height, height, scroller.clientHeight - head);
    if (at.column >= 0) bring("scrollLeft", at.column * width, width, scroller.clientWidth - name);
    drawBody();
    enterable()?.focus({ preventScroll: true });
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

  // ---- The details

  const detail = field("detail");

  function open(repository, column, thenFocus = false) {
    if (!repository && !column) return;
    opened = { repository, column };
    detail.replaceChildren(closer(), ...(repository && column ? cellDetail(repository, column)
      : repository ? repositoryDetail(repository) : principalDetail(column)));
    showDetail(thenFocus);
  }

  function openPrincipals() {
    opened = {};
    const all = [...columns.values()].sort((a, b) => b.number - a.number || plain.compare(a.label, b.label));
    detail.replaceChildren(closer(), title("Principals"), element("p", { class: "muted" }, "With the number of repositories of each."),
      list(all.map((column) => link(() => open(undefined, column, true), column.words, element("span", { class: "muted" }, number(column.number))))));
    showDetail(true);
  }

  function showDetail(thenFocus) {
    detail.hidden = false;
    detail.scrollTop = 0;
    drawBody(true);
    if (thenFocus) field("detail-title").focus();
  }

  function closeDetail() {
    if (detail.hidden) return;
    detail.hidden = true;
    opened = {};
    drawBody(true);
    goTo(at.row, at.column);
  }

  const closer = () => button({ class: "close", "aria-keyshortcuts": "Escape" }, closeDetail, "Close");
  const title = (text) => element("h2", { id: "detail-title", tabindex: -1 }, text);
  const list = (items) => element("ul", {}, ...items.map((item) => element("li", {}, item)));
  const texts = (items) => element("ul", { class: "plain" }, ...items.map((item) => element("li", {}, item)));
  // Its parts stand in a row, so a text is one part.
  const link = (onClick, ...children) => button({ class: "link" }, onClick,
    ...children.map((child) => (typeof child === "string" ? element("span", {}, child) : child)));
  const section = (heading, ...content) => [element("h3", {}, heading), ...content];
  const definitions = (pairs) => element("dl", {}, ...pairs.flatMap(([term, value]) => [element("dt", {}, term), element("dd", {}, value)]));
  const all = (names) => names.map(foreign).join(", ");
  const named = ({ policy, position, sid, written_by: service }) => [
    `${position}${sid === null ? "" : ` "${foreign(sid)}"`}${policy === "registry" ? " of the registry policy" : ""}`,
    ...(service ? [`written by ${foreign(service)} itself`] : []),
  ].join(", ");
  const through = (statements) => (statements.length === 0 ? ""
    : `, through ${statements.length === 1 ? "statement" : "statements"} ${statements.map(named).join(", ")}`);
  const functions = (regions) => `Lambda functions in ${regions.includes("*") ? "every region" : all(regions)}`;

  function grantWords({ principal, access, lambda_regions: regions }) {
    return `${foreign(principal)}: ${[...access.map(foreign), ...(regions.length > 0 ? [functions(regions)] : [])].join(", ")}`;
  }

  function driftWords(drift) {
    const words = Object.entries(drift).flatMap(([kind, grants]) => grants.map((grant) => `${kind}: ${grantWords(grant)}`));
    return words.length > 0 ? words : ["the same access, by other statements"];
  }

  function cellDetail(repository, column) {
    const cell = repository.cells.get(column);
    return [
      title(`${repository.name} → ${column.name}`),
      definitions([
        ["Principal", link(() => open(undefined, column, true), column.words)],
        ["Repository", link(() => open(repository, undefined, true), `${repository.name} in ${repository.place}`)],
        ["Access", cellWords(repository, column)],
      ]),
      ...(cell?.shares ?? []).map(({ share, view }) => shareDetail(share, view, policiesOf(repository.registry, repository.row))),
    ];
  }

  // heading: for which repositories it is, where it is one of a registry policy, in which nothing is managed.
  function shareDetail(share, view, policies, ...heading) {
    const { via_service: service, lambda_regions: regions, lambda_regions_denied: without = [] } = share;
    return element("div", { class: "share" },
      element("p", {}, viewMark(view), view.name,
        ...(heading.length > 0 ? [] : [element("span", { class: "badge" }, share.managed ? "managed" : "unmanaged")])),
      ...heading,
      ...(share.defeated ? [element("p", { class: "alarm" }, "All of it is denied.")] : []),
      ...view.cannot.map((words) => element("p", { class: "alarm" }, words)),
      ...(service ? [element("p", {}, serviceWords(service, share.access))] : []),
      ...(regions.length > 0 ? [element("p", {}, `${functions(regions)}.`)] : []),
      ...(without.length > 0 ? [element("p", { class: "alarm" }, `${functions(without)} cannot.`)] : []),
      ...(share.other_actions.length > 0 ? section("Other actions", texts(share.other_actions.map(foreign))) : []),
      ...(share.conditions.length > 0 ? section("Only if", texts(share.conditions.map(({ operator, key, values }) =>
        `${foreign(key)} ${foreign(operator)}: ${all([values].flat())}`))) : []),
      ...section(share.statements.length === 1 ? "Through the statement" : "Through the statements",
        ...share.statements.flatMap((statement) => [element("p", {}, named(statement)), source(policies, statement)])),
      ...(share.denied_by.length > 0 ? section("Denied by",
        ...share.denied_by.flatMap((deny, index) => [
          element("p", { class: "alarm" }, `${named(deny)} ${view.denials[index]}`),
          source(policies, deny),
        ])) : []));
  }

  function serviceWords(service, access) {
    const who = service === "*" ? "Any AWS service" : foreign(service);
    return `${who} uses it for them${access.length > 0 ? `: ${all(access)}` : ""}.`;
  }

  const policiesOf = (registry, row) => ({ registry: registry.registry_policy?.policy, repository: row?.policy });

  function source(policies, { policy = "repository", position }) {
    const statements = [policies[policy]?.Statement ?? []].flat();
    const statement = statements[position - 1];
    return statement === undefined
      ? element("p", { class: "muted" }, "The report was made without the policies.")
      : jsonBlock(statement);
  }

  function sizeOf({ policy_length: length }) {
    const meter = element("meter", { max: LONGEST, high: NEAR * LONGEST, value: length ?? 0, "aria-hidden": "true" });
    return element("span", {}, `${number(length ?? 0)} of ${number(LONGEST)} characters `, meter);
  }

  // Of a repository, or of a registry.
  function opennessOf(row) {
    return [
      ["Public", row.public ? `yes: open to everyone, or to any account${through(row.public_statements ?? [])}`
        : row.registry_policy_read === false ? "not by its own policy" : "no"],
      ...(row.unscoped_service
        ? [["Unscoped service", `yes: ${UNSCOPED}${through(row.unscoped_service_statements ?? [])}`]] : []),
    ];
  }

  function repositoryDetail(repository) {
    const { row, registry, cells } = repository;
    const known = [...cells].sort(([a], [b]) => plain.compare(a.label, b.label));
    return [
      title(repository.name),
      ...(row.error ? [element("p", { class: "alarm" }, foreign(row.error))] : []),
      ...(row.registry_policy_read === false
        ? [element("p", { class: "alarm" }, `The registry policy was ${UNREAD}.`)] : []),
      definitions([
        ["Registry", placeOf(registry)],
        ...registryPolicies.filter((one) => one.registry === registry)
          .map((one) => ["Registry policy", link(() => openPolicy(one, true), policyWords(one))]),
        ...(row.uri ? [["URI", foreign(row.uri)]] : []),
        ...(row.arn ? [["ARN", foreign(row.arn)]] : []),
        ...(row.error ? [] : [["Policy", sizeOf(row)], ...opennessOf(row)]),
      ]),
      ...(repository.drifted ? section("Drift from the declared grants",
        texts(driftWords(row.drift))) : []),
      ...(repository.deleted ? section("Deleted principals", texts(row.deleted_principals.map(foreign))) : []),
      ...(known.length > 0 ? section("Who", list(known.map(([column, { view }]) =>
        link(() => open(repository, column, true), viewMark(view), `${column.words}: ${view.words}`)))) : []),
      ...((row.unmanaged_statements ?? []).length > 0
        ? section("Unmanaged statements", texts(row.unmanaged_statements.map((statement) => `Statement ${named(statement)}`))) : []),
      ...(row.policy ? section("Policy", jsonBlock(row.policy)) : []),
    ];
  }

  // ---- The registry policies

  const placeOf = ({ registry_id: id, region }) => `${foreign(id)} in ${foreign(region)}`;
  const stateOf = ({ policy }) => POLICY_STATES.find((state) => state.is(policy));

  function policyWords(one) {
    const { shares, policy_length: length } = one.policy;
    const { words, one: single = words } = stateOf(one);
    return shares.length > 0 && single === "with shares"
      ? `${number(length)} characters, ${counted(shares.length, "share", "shares")}` : single;
  }

  function openPolicies(some) {
    if (some.length === 1) {
      openPolicy(some[0], true);
      return;
    }
    opened = {};
    detail.replaceChildren(closer(), title("Registry policies"),
      element("p", { class: "muted" }, "What a registry allows on all of its repositories, beside their own policies."),
      list(some.map((one) => link(() => openPolicy(one, true), `${placeOf(one.registry)}: ${policyWords(one)}`))));
    showDetail(true);
  }

  function openPolicy(one, thenFocus) {
    opened = {};
    detail.replaceChildren(closer(), ...policyDetail(one));
    showDetail(thenFocus);
  }

  function policyDetail({ registry, policy }) {
    if (!policy.read) {
      return [
        title(`Registry policy of ${placeOf(registry)}`),
        element("p", { class: "alarm" }, `It was ${UNREAD}.`),
        element("p", {}, foreign(policy.error)),
      ];
    }
    return [
      title(`Registry policy of ${placeOf(registry)}`),
      definitions([
        ["Policy", policy.policy_length > 0 ? sizeOf(policy) : "none"],
        ...(policy.scope ? [["Scope", foreign(policy.scope)]] : []),
        ...opennessOf(policy),
      ]),
      ...policy.shares.flatMap((share, index) => section(wordsOf(share.principal_type, share.principal),
        shareDetail({ ...share, conditions: share.conditions.filter((condition) => !namesRepositories(condition)) },
          views[policy.share_views[index]], policiesOf(registry), ...reach(share, registry)))),
      ...(policy.policy ? section("Policy", jsonBlock(policy.policy)) : []),
    ];
  }

  const namesRepositories = ({ operator, key }) => operator === "Resource" && key === "ARN";

  // Which repositories a share is for.
  function reach({ conditions }, { partition, registry_id: id, region }) {
    const own = `arn:${partition}:ecr:${region}:${id}:repository/`;
    const patterns = conditions.filter(namesRepositories).flatMap(({ values }) => values)
      .map((pattern) => (pattern.startsWith(own) ? pattern.slice(own.length) : pattern));
    return patterns.length > 0 ? section("For the repositories", texts(patterns.map(foreign)))
      : [element("p", {}, "For all repositories.")];
  }

  function drawPolicies() {
    const several = registryPolicies.length > 1;
    field("registry-policies").hidden = registryPolicies.length === 0;
    field("registry-policies").append(several ? "Registry policies" : "Registry policy");
    for (const state of POLICY_STATES) {
      const some = registryPolicies.filter((one) => stateOf(one) === state);
      if (some.length === 0) continue;
      field("registry-policies").append(button({ class: state.alarm ? "badge alarm" : "badge" }, () => openPolicies(some),
        several ? `${number(some.length)} ${state.words}` : policyWords(some[0])));
    }
  }

  function principalDetail(column) {
    const its = repositories.filter((repository) => repository.cells.has(column))
      .sort((a, b) => plain.compare(a.row.name, b.row.name) || plain.compare(a.where, b.where));
    return [
      title(column.words),
      element("p", { class: "muted" }, counted(its.length, "repository", "repositories")),
      list(its.map((repository) => {
        const { view } = repository.cells.get(column);
        const where = severalRegistries ? ` (${repository.place})` : "";
        return link(() => open(repository, column, true), viewMark(view), `${repository.name}${where}: ${view.words}`);
      })),
    ];
  }

  // ---- The controls

  function choose(chosen) {
    asked.count = chosen;
    press();
  }

  function toggle(set, value) {
    if (!set.delete(value)) set.add(value);
    press();
  }

  const pressed = new Map();

  function press() {
    for (const [made, isPressed] of pressed) made.setAttribute("aria-pressed", isPressed());
    select();
  }

  function toggled(isPressed, attributes, onClick, ...children) {
    const made = button(attributes, onClick, ...children);
    pressed.set(made, isPressed);
    return made;
  }

  function clear() {
    asked.count = COUNTS[0];
    asked.levels.clear();
    asked.marks.clear();
    field("repository").value = field("principal").value = "";
    field("registry").value = "all";
    press();
  }

  function drawControls() {
    field("origin").textContent = `Read at ${report.generated_at} from `
      + counted(report.registries.length, "registry", "registries");
    for (const count of COUNTS) {
      const value = count.value ?? repositories.filter(count.has).length;
      const content = [element("strong", {}, number(value)), element("span", {}, count.name)];
      const classes = value === 0 ? "none" : count.alarm ? "alarm" : undefined;
      field("counts").append(count.list ? button({ class: classes }, openPrincipals, ...content)
        : toggled(() => asked.count === count && count !== COUNTS[0], { class: classes, title: count.title },
          () => choose(asked.count === count ? COUNTS[0] : count), ...content));
    }
    for (const { name, label } of [...levels.values()].filter((level) => !level.of_registries)) {
      field("legend").append(toggled(() => asked.levels.has(name), {}, () => toggle(asked.levels, name), levelMark([name]), label));
    }
    for (const { mark, legend } of MARKS) {
      field("legend").append(toggled(() => asked.marks.has(mark), {}, () => toggle(asked.marks, mark), levelMark([], ["empty", mark]), legend));
    }
    for (const [id, choices] of [["row-order", ROW_ORDERS], ["column-order", COLUMN_ORDERS], ["registry", REGISTRIES]]) {
      field(id).append(...[...choices.keys()].map((choice) => new Option(visible(choice), choice)));
      field(id).addEventListener("change", select);
    }
    field("registries").hidden = !severalRegistries;
    for (const id of ["repository", "principal"]) field(id).addEventListener("input", select);
    field("filters").addEventListener("submit", (event) => event.preventDefault());
    field("clear").addEventListener("click", clear);
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
}
