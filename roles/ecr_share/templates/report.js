// Copyright: Contributors to the imageshare.aws project
// GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// What is shown comes from policies that strangers wrote: it becomes text nodes and attributes through element(), and
// never markup.
"use strict";
{
  // ---- Words

  // A cell has one level: what all of its shares together amount to.
  const LEVELS = [
    { level: "pull", glyph: "↓", words: "pull", legend: "can pull" },
    { level: "push", glyph: "↑", words: "push", legend: "can push" },
    { level: "pull_push", glyph: "⇅", words: "pull and push", legend: "can do both" },
    { level: "lambda", glyph: "λ", words: "Lambda functions pull", legend: "Lambda pulls" },
    { level: "partial", glyph: "…", words: "other actions", legend: "other actions (alone or +)" },
    { level: "admin", glyph: "!", words: "admin", legend: "may change the policy or delete" },
  ];
  const BY_LEVEL = new Map(LEVELS.map((entry) => [entry.level, entry]));
  const MARKS = [
    { mark: "conditional", legend: "under a condition" },
    { mark: "doubtful", legend: "partly or maybe denied" },
    { mark: "defeated", legend: "denied" },
  ];
  // needs: without these nothing is pulled, or pushed. uses: all that belongs to it.
  const DEEDS = [
    {
      deed: "pull", member: "can_pull", levels: ["pull", "pull_push"],
      needs: ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
      uses: ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
    },
    {
      deed: "push", member: "can_push", levels: ["push", "pull_push"],
      needs: ["ecr:PutImage"],
      uses: ["ecr:BatchCheckLayerAvailability", "ecr:CompleteLayerUpload", "ecr:InitiateLayerUpload", "ecr:PutImage",
        "ecr:UploadLayerPart"],
    },
  ];
  const HINTS = [
    "Columns are everyone, organizations and their units, accounts, roles, users, sessions, AWS services and deleted "
      + "principals. Numbers count repositories and principals.",
    "Arrow keys move, Enter opens the statements, Escape closes them.",
  ];
  // In the order of columns.
  const KINDS = new Map([
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
  const LONGEST = 10240;
  const NEAR = 0.8;

  const plain = new Intl.Collator("en", { numeric: true });
  const number = (value) => value.toLocaleString("en");
  const counted = (value, one, many) => `${number(value)} ${value === 1 ? one : many}`;

  // ---- The data, indexed

  const report = JSON.parse(document.getElementById("report").textContent);
  const severalPartitions = new Set(report.registries.map((registry) => registry.partition)).size > 1;
  const columns = new Map();
  const repositories = report.registries.flatMap((registry) =>
    registry.repositories.map((row) => readRepository(row, registry)));
  const kindsInOrder = [...KINDS.keys()];

  function readRepository(row, registry) {
    const shares = row.shares ?? [];
    const drift = [...(row.drift?.granted ?? []), ...(row.drift?.revoked ?? [])];
    const cells = new Map();
    for (const share of shares) {
      const column = columnOf(share, registry.partition);
      cells.set(column, [...(cells.get(column) ?? []), share]);
    }
    for (const [column, found] of cells) {
      cells.set(column, readCell(found));
      column.number += 1;
    }
    return {
      row, registry, shares, cells,
      place: `${registry.registry_id} ${registry.region}`,
      search: row.name.toLowerCase(),
      nearLimit: (row.policy_length ?? 0) > NEAR * LONGEST,
      deleted_principals: (row.deleted_principals ?? []).length > 0,
      denied: shares.some((share) => share.denied_by.length > 0),
      drifted: drift.length > 0,
    };
  }

  // One and the same account id is two accounts in two partitions.
  function columnOf(share, partition) {
    const key = `${partition} ${share.kind} ${share.principal}`;
    if (!columns.has(key)) {
      const label = labelOf(share) + (severalPartitions ? ` (${partition})` : "");
      const kind = KINDS.get(share.kind) ?? share.kind;
      columns.set(key, {
        label, kind,
        name: share.principal,
        order: share.kind,
        words: share.kind === "everyone" ? label : `${kind} ${share.principal}`,
        search: `${share.principal} ${kind}`.toLowerCase(),
        number: 0,
      });
    }
    return columns.get(key);
  }

  // What differs between the ARNs of one account comes first: there is little room.
  function labelOf({ kind, principal }) {
    if (kind === "everyone") return "everyone";
    const arn = /^arn:[^:]*:[^:]*:[^:]*:([^:]*):(.+)$/.exec(principal);
    return arn ? `${arn[2]} ${arn[1]}` : principal;
  }

  function readCell(shares) {
    const left = shares.filter((share) => !share.denied_by.some((deny) => deny.certain));
    const now = amount(left, can);
    // Where a Deny leaves nothing, the cell says what it strikes out.
    const defeated = now.level === undefined;
    const { level, deeds, more } = defeated ? amount(left.length > 0 ? left : shares, isGranted) : now;
    const unconditional = amount(left.filter((share) => share.conditions.length === 0), can);
    const lambda = left.some(hasFunctions);
    const cell = {
      shares, level, more, defeated,
      deeds: level === "admin" ? deeds : [],
      lambda: lambda && level !== "lambda",
      conditional: !defeated && !sameAmount(now, unconditional),
      doubtful: !defeated && shares.some((share) => share.denied_by.length > 0),
    };
    cell.found = new Set([
      ...DEEDS.filter((deed) => shares.some((share) => can(share, deed))).map(({ deed }) => deed),
      ...(lambda ? ["lambda"] : []),
      ...(now.more || now.level === "partial" ? ["partial"] : []),
      ...(now.level === "admin" ? ["admin"] : []),
    ]);
    if (cell.found.has("pull") && cell.found.has("push")) cell.found.add("pull_push");
    cell.name = nameOf(cell);
    cell.lost = left.length === 0 ? [] : lostOf(shares);
    cell.words = [
      defeated && left.length > 0 ? `${cell.name} granted` : cell.name,
      ...(cell.lambda ? ["also Lambda functions"] : []),
      ...(cell.conditional ? ["under a condition"] : []),
      ...(cell.doubtful && cell.lost.length === 0 ? ["a Deny may defeat it or a part"] : []),
      ...(left.length === 0 ? ["defeated by a Deny"] : []),
      ...cell.lost,
    ].join(", ");
    return cell;
  }

  function can(share, deed) {
    // Older reports do not say it.
    return share[deed.member] ?? isGranted(share, deed);
  }

  function isGranted(share, { levels, needs }) {
    return levels.includes(share.access) || needs.every((action) => share.actions.includes(action));
  }

  function hasFunctions(share) {
    return share.access === "lambda" || share.lambda_regions.length > 0;
  }

  // What shares together amount to. does: whether a share counts for a deed. deeds: the words for them. more: whether
  // there are actions besides.
  function amount(shares, does) {
    const own = shares.filter((share) => share.access !== "lambda");
    const done = DEEDS.filter((deed) => own.some((share) => does(share, deed)));
    const used = new Set(done.flatMap(({ uses }) => uses));
    const others = own.filter((share) => share.access === "partial");
    const deeds = done.map(({ deed }) => deed);
    const level = own.some((share) => share.access === "admin") ? "admin"
      : deeds.length > 0 ? deeds.join("_")
        : others.length > 0 ? "partial"
          : shares.some(hasFunctions) ? "lambda" : undefined;
    return {
      level, deeds,
      more: deeds.length > 0 && level !== "admin" && others.some((share) => share.actions.some((action) => !used.has(action))),
    };
  }

  function sameAmount(one, other) {
    return one.level === other.level && one.more === other.more && one.deeds.join() === other.deeds.join();
  }

  function nameOf({ level, deeds, more }) {
    if (more) return level === "pull_push" ? "pull, push and more" : `${BY_LEVEL.get(level).words} and more`;
    const words = BY_LEVEL.get(level)?.words ?? level;
    return deeds.length > 0 ? `${words}, can ${deeds.join(" and ")}` : words;
  }

  // What shares are granted and none of them can.
  function lostOf(shares) {
    return DEEDS.filter((deed) => !shares.some((share) => can(share, deed))).flatMap((deed) => {
      const granted = shares.filter((share) => isGranted(share, deed));
      return granted.length > 0 ? [`cannot ${deed.deed}: ${cutBy(granted)}`] : [];
    });
  }

  // Of several Deny statements that are not certain to defeat all, the report does not tell which takes what is missed.
  function cutBy(shares) {
    const denies = shares.flatMap((share) => share.denied_by);
    const certain = denies.filter((deny) => deny.certain);
    const positions = [...new Set((certain.length > 0 ? certain : denies).map(({ position }) => position))];
    const what = certain.length > 0 ? "it" : "a part of it";
    return positions.length === 1 ? `statement ${positions[0]} denies ${what}`
      : `statements ${positions.join(", ")} deny ${what}${certain.length > 0 ? "" : ", or may"}`;
  }

  // ---- What is asked for

  const COUNTS = [
    { name: "repositories", value: repositories.length, has: () => true },
    { name: "shares", value: sum((repository) => repository.shares.length), has: (repository) => repository.shares.length > 0 },
    { name: "principals", value: columns.size, list: true },
    { name: "public", alarm: true, has: (repository) => repository.row.public },
    { name: "deleted_principals", has: (repository) => repository.orphaned },
    { name: "near the size limit", has: (repository) => repository.nearLimit },
    { name: "denied", has: (repository) => repository.denied },
    { name: "failed to read", alarm: true, has: (repository) => repository.row.error },
    ...(report.check ? [{ name: "drifted", alarm: true, has: (repository) => repository.drifted }] : []),
  ];
  const ROW_ORDERS = new Map([
    ["by name", () => 0],
    ["most shares first", (a, b) => b.cells.size - a.cells.size],
    ["longest policy first", (a, b) => (b.row.policy_length ?? 0) - (a.row.policy_length ?? 0)],
  ]);
  const COLUMN_ORDERS = new Map([
    ["by kind and name", (a, b) => kindsInOrder.indexOf(a.order) - kindsInOrder.indexOf(b.order)],
    ["by name", () => 0],
    ["most shares first", (a, b) => b.number - a.number],
  ]);
  const PLACES = new Map([["all", () => true]]);
  for (const region of new Set(report.registries.map((registry) => registry.region))) {
    PLACES.set(region, (repository) => repository.registry.region === region);
  }
  for (const { registry_id: id } of report.registries) {
    PLACES.set(id, (repository) => repository.registry.registry_id === id);
  }
  for (const place of new Set(repositories.map((repository) => repository.place))) {
    PLACES.set(place, (repository) => repository.place === place);
  }

  const asked = { count: COUNTS[0], levels: new Set(), marks: new Set() };
  const view = { rows: [], columns: [], starts: [] };

  function sum(value) {
    return repositories.reduce((total, repository) => total + value(repository), 0);
  }

  function isAsked(cell) {
    const levelled = asked.levels.size === 0 || [...asked.levels].some((level) => cell.found.has(level));
    return levelled && [...asked.marks].every((mark) => cell[mark]);
  }

  // A filter of columns or cells leaves the rows that have something to show, and the other way round.
  function select() {
    const repository = field("repository").value.trim().toLowerCase();
    const principal = field("principal").value.trim().toLowerCase();
    const inPlace = PLACES.get(field("place").value);
    const fits = (cell, column) => column.search.includes(principal) && isAsked(cell);
    const narrowed = principal !== "" || asked.levels.size > 0 || asked.marks.size > 0;

    const shown = new Set();
    view.rows = repositories.filter((candidate) => {
      if (!candidate.search.includes(repository) || !inPlace(candidate) || !asked.count.has(candidate)) return false;
      let any = false;
      for (const [column, cell] of candidate.cells) {
        if (fits(cell, column)) {
          shown.add(column);
          any = true;
        }
      }
      return any || !narrowed;
    });
    view.columns = [...shown];

    const rowOrder = ROW_ORDERS.get(field("row-order").value);
    const columnOrder = COLUMN_ORDERS.get(field("column-order").value);
    view.rows.sort((a, b) => rowOrder(a, b) || plain.compare(a.row.name, b.row.name) || plain.compare(a.place, b.place));
    view.columns.sort((a, b) => columnOrder(a, b) || plain.compare(a.label, b.label));
    // A line parts the kinds where they stand together.
    const byKind = field("column-order").value === "by kind and name";
    view.starts = view.columns.map((column, index) => byKind && column.order !== view.columns[index - 1]?.order);

    field("shown").textContent = `${number(view.rows.length)} of ${counted(repositories.length, "repository", "repositories")}, `
      + `${number(view.columns.length)} of ${counted(columns.size, "principal", "principals")}`;
    field("nothing").hidden = view.rows.length > 0;
    field("scroller").hidden = view.rows.length === 0;
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

  // children: nodes, or strings, which become text.
  function element(name, attributes = {}, ...children) {
    const made = document.createElement(name);
    for (const [attribute, value] of Object.entries(attributes)) {
      if (value !== false && value !== undefined) made.setAttribute(attribute, value === true ? "" : value);
    }
    made.append(...children);
    return made;
  }

  function button(attributes, onClick, ...children) {
    const made = element("button", { type: "button", ...attributes }, ...children);
    made.addEventListener("click", onClick);
    return made;
  }

  function levelMark(level, marks = "", besides = "") {
    const glyph = BY_LEVEL.get(level)?.glyph ?? "";
    return element("span", { class: `level ${level} ${marks}`, "aria-hidden": "true" }, glyph,
      ...(besides ? [element("small", {}, besides)] : []));
  }

  function cellMark(cell) {
    const marks = MARKS.map(({ mark }) => mark).filter((mark) => cell[mark]);
    const besides = [BY_LEVEL.get(cell.deeds.join("_"))?.glyph ?? "", cell.more ? "+" : "", cell.lambda ? "λ" : ""].join("");
    return levelMark(cell.level, [...marks, ...(isAsked(cell) ? [] : ["aside"])].join(" "), besides);
  }

  function badges({ row, nearLimit, orphaned, drifted }) {
    const found = [
      [row.error, "failed", true],
      [row.public, "public", true],
      [drifted, "drift", true],
      [orphaned, "deleted_principal", false],
      [nearLimit, `${Math.floor(100 * row.policy_length / LONGEST)} %`, false],
    ];
    return found.filter(([has]) => has)
      .map(([, text, alarm]) => element("span", { class: alarm ? "badge alarm" : "badge" }, text));
  }

  // ---- The matrix

  const table = field("grid");
  const scroller = field("scroller");
  const severalPlaces = report.registries.length > 1;
  // The cell that has or had the focus; -1 is the header. opened: what the detail panel is about.
  const at = { row: 0, column: 0 };
  let opened = {};
  // Of the rows in the view, those that are drawn: a thousand rows of fifty cells would take seconds.
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
    const heads = view.columns.map((column, index) =>
      element("th", {
        scope: "col", tabindex: -1, "aria-colindex": index + 2, class: view.starts[index] ? "group" : undefined,
        title: column.words,
        "aria-label": `${column.words}, ${counted(column.number, "repository", "repositories")}`,
      }, element("span", { class: "label" }, column.label), element("span", { class: "number" }, number(column.number))));
    table.tHead.replaceChildren(element("tr", { "aria-rowindex": 1 }, corner, ...heads));
    table.style.width = `${size("--name") + view.columns.length * size("--cell")}px`;
    table.setAttribute("aria-rowcount", view.rows.length + 1);
    table.setAttribute("aria-colcount", view.columns.length + 1);
  }


  function drawRow(repository, index) {
    const { row, cells, place } = repository;
    const words = [row.name, ...(severalPlaces ? [place] : [])].join(", ");
    const head = element("th", { scope: "row", tabindex: -1, "aria-colindex": 1, title: words, class: isOpen(repository) ? "open" : undefined },
      element("div", {},
        element("span", { class: "name" }, row.name),
        ...(severalPlaces ? [element("span", { class: "place" }, place)] : []),
        ...badges(repository),
        element("span", { class: "number", title: counted(cells.size, "principal", "principals") }, number(cells.size))));
    const drawnCells = view.columns.map((column, position) => {
      const cell = cells.get(column);
      const made = document.createElement("td");
      made.tabIndex = -1;
      made.ariaColIndex = position + 2;
      const classes = [view.starts[position] && "group", isOpen(repository, column) && "open"].filter(Boolean);
      if (classes.length > 0) made.className = classes.join(" ");
      made.ariaLabel = cell ? cell.words : "nothing";
      if (cell) made.append(cellMark(cell));
      return made;
    });
    return element("tr", { "aria-rowindex": index + 2 }, head, ...drawnCells);
  }

  function isOpen(repository, column) {
    return opened.repository === repository && opened.column === column;
  }

  function drawBody(anew = false) {
    const height = size("--row");
    const begin = drawAll ? 0 : Math.max(0, Math.floor(scroller.scrollTop / height) - AROUND);
    const end = drawAll ? view.rows.length
      : Math.min(view.rows.length, Math.ceil((scroller.scrollTop + scroller.clientHeight) / height) + AROUND);
    // Scrolling within what was drawn around needs nothing new.
    const enough = begin + AROUND / 2 >= drawn.begin && end - AROUND / 2 <= drawn.end;
    const edges = (drawn.begin === 0 || begin > 0) && (drawn.end === view.rows.length || end < view.rows.length);
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
      const line = drawRow(view.rows[index], index);
      lines.set(index, line);
      (index < first ? above : below).push(line);
    }
    body.firstChild.after(...above);
    body.lastChild.before(...below);
    fill(body.firstChild, begin * height);
    fill(body.lastChild, (view.rows.length - end) * height);
    drawn = { begin, end };
    const cell = enterable();
    // What loses its element keeps the focus near: the arrow keys go on from the same cell.
    if (focused) (cell === cellAt(at.row, at.column) ? cell : scroller).focus({ preventScroll: true });
  }

  // Stands for the rows that are not drawn.
  function filler() {
    return element("tr", { class: "filler", "aria-hidden": "true" },
      element("td", { colspan: view.columns.length + 1 }));
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
    at.row = Math.min(Math.max(row, -1), view.rows.length - 1);
    at.column = Math.min(Math.max(column, -1), view.columns.length - 1);
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

  function describe({ row, column }) {
    const [repository, principal] = [view.rows[row], view.columns[column]];
    if (!repository) return principal ? principal.words : "";
    if (!principal) return `${repository.row.name} (${repository.place})`;
    return `${repository.row.name} → ${principal.words}: ${repository.cells.get(principal)?.words ?? "nothing"}`;
  }

  function tell(position) {
    field("here").textContent = describe(position);
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
  const link = (onClick, ...children) => button({ class: "link" }, onClick, ...children);
  const section = (heading, ...content) => [element("h3", {}, heading), ...content];
  const facts = (pairs) => element("dl", {}, ...pairs.flatMap(([term, value]) => [element("dt", {}, term), element("dd", {}, value)]));
  const named = ({ position, sid }) => `${position}${sid === null ? "" : ` "${sid}"`}`;
  const functions = (regions) => `Lambda functions in ${regions.includes("*") ? "every region" : regions.join(", ")}`;

  function grant({ principal, access, lambda_regions: regions }) {
    const words = access === "lambda" ? [] : [BY_LEVEL.get(access)?.words ?? access];
    return `${principal}: ${[...words, ...(regions.length > 0 ? [functions(regions)] : [])].join(", ")}`;
  }

  function cellDetail(repository, column) {
    const cell = repository.cells.get(column);
    return [
      title(`${repository.row.name} → ${column.name}`),
      facts([
        ["Principal", link(() => open(undefined, column, true), column.words)],
        ["Repository", link(() => open(repository, undefined, true), `${repository.row.name} in ${repository.place}`)],
        ["Access", cell ? cell.words : "nothing"],
      ]),
      ...(cell?.shares ?? []).map((share) => shareDetail(repository, share)),
    ];
  }

  function shareDetail({ row }, share) {
    const cell = readCell([share]);
    const effect = (deny) => deny.certain ? "denies all of it"
      : cell.lost.length === 0 ? "may deny it or a part"
        : share.denied_by.length === 1 ? "denies a part of it" : "denies a part of it, or may";
    return element("div", { class: "share" },
      element("p", {}, cellMark(cell), cell.name,
        element("span", { class: "badge" }, share.managed ? "managed" : "foreign")),
      ...cell.lost.map((words) => element("p", { class: "alarm" }, words)),
      ...(share.lambda_regions.length > 0 ? [element("p", {}, `${functions(share.lambda_regions)} may pull.`)] : []),
      ...(share.actions.length > 0 ? section("Actions", texts(share.actions)) : []),
      ...(share.conditions.length > 0 ? section("Only if", texts(share.conditions.map(({ operator, key, values }) =>
        `${key} ${operator}: ${[values].flat().join(", ")}`))) : []),
      ...section(share.statements.length === 1 ? "Through the statement" : "Through the statements",
        ...share.statements.flatMap((statement) => [element("p", {}, named(statement)), source(row, statement)])),
      ...(share.denied_by.length > 0 ? section("Denied by",
        ...share.denied_by.flatMap((deny) => [
          element("p", { class: "alarm" }, `${named(deny)} ${effect(deny)}`),
          source(row, deny),
        ])) : []));
  }

  function source(row, { position }) {
    const statements = [row.policy?.Statement ?? []].flat();
    const statement = statements[position - 1];
    return statement === undefined
      ? element("p", { class: "muted" }, "The report was made without the policies.")
      : element("pre", { tabindex: 0 }, JSON.stringify(statement, null, 2));
  }

  function repositoryDetail(repository) {
    const { row, registry, cells } = repository;
    const length = row.policy_length ?? 0;
    const meter = element("meter", { max: LONGEST, high: NEAR * LONGEST, value: length, "aria-hidden": "true" });
    const size = element("span", {}, `${number(length)} of ${number(LONGEST)} characters `, meter);
    const known = [...cells].sort(([a], [b]) => plain.compare(a.label, b.label));
    return [
      title(row.name),
      ...(row.error ? [element("p", { class: "alarm" }, row.error)] : []),
      facts([
        ["Registry", `${registry.registry_id} in ${registry.region}`],
        ...(row.uri ? [["URI", row.uri]] : []),
        ...(row.arn ? [["ARN", row.arn]] : []),
        ...(row.error ? [] : [["Policy", size], ["Public", openness(row)]]),
      ]),
      ...(repository.drifted ? section("Drift from the declared grants",
        texts([
          ...(row.drift.granted ?? []).map((item) => `on_missing: ${grant(item)}`),
          ...(row.drift.revoked ?? []).map((item) => `too much: ${grant(item)}`),
        ])) : []),
      ...(repository.orphaned ? section("Deleted principals", texts(row.deleted_principals)) : []),
      ...(known.length > 0 ? section("Who", list(known.map(([column, cell]) =>
        link(() => open(repository, column, true), cellMark(cell), `${column.words}: ${cell.words}`)))) : []),
      ...((row.unmanaged_statements ?? []).length > 0
        ? section("Foreign statements", texts(row.unmanaged_statements.map((statement) => `Statement ${named(statement)}`))) : []),
      ...(row.policy ? section("Policy", element("pre", { tabindex: 0 }, JSON.stringify(row.policy, null, 2))) : []),
    ];
  }

  function openness({ public: isPublic, public_statements: through = [] }) {
    if (!isPublic) return "no";
    const by = through.length > 0 ? `, through ${through.length === 1 ? "statement" : "statements"} ${through.map(named).join(", ")}` : "";
    return `yes: open to everyone, or to any account${by}`;
  }

  function principalDetail(column) {
    const its = repositories.filter((repository) => repository.cells.has(column))
      .sort((a, b) => plain.compare(a.row.name, b.row.name) || plain.compare(a.place, b.place));
    return [
      title(column.words),
      element("p", { class: "muted" }, counted(its.length, "repository", "repositories")),
      list(its.map((repository) => {
        const cell = repository.cells.get(column);
        const where = severalPlaces ? ` (${repository.place})` : "";
        return link(() => open(repository, column, true), cellMark(cell), `${repository.row.name}${where}: ${cell.words}`);
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
    field("place").value = "all";
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
        : toggled(() => asked.count === count && count !== COUNTS[0], { class: classes },
          () => choose(asked.count === count ? COUNTS[0] : count), ...content));
    }
    for (const { level, legend } of LEVELS) {
      field("legend").append(toggled(() => asked.levels.has(level), {}, () => toggle(asked.levels, level), levelMark(level), legend));
    }
    for (const { mark, legend } of MARKS) {
      field("legend").append(toggled(() => asked.marks.has(mark), {}, () => toggle(asked.marks, mark), levelMark("mark", mark), legend));
    }
    for (const [id, choices] of [["row-order", ROW_ORDERS], ["column-order", COLUMN_ORDERS], ["place", PLACES]]) {
      field(id).append(...[...choices.keys()].map((choice) => element("option", { value: choice }, choice)));
      field(id).addEventListener("change", select);
    }
    field("places").hidden = !severalPlaces;
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
    End: (event) => [event.ctrlKey ? view.rows.length - 1 : at.row, view.columns.length - 1],
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
      else if (event.key === "Enter" || event.key === " ") open(view.rows[at.row], view.columns[at.column], true);
      else return;
      event.preventDefault();
    });
    table.addEventListener("focusin", (event) => tell(Object.assign(at, positionOf(event.target))));
    table.addEventListener("mousemove", (event) => {
      // A mouse that lies still while the table moves under it says nothing.
      if (event.movementX || event.movementY) tell(positionOf(event.target) ?? at);
    });
    table.addEventListener("click", (event) => {
      const position = positionOf(event.target);
      if (!position) return;
      goTo(position.row, position.column);
      open(view.rows[position.row], view.columns[position.column]);
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

  drawControls();
  press();
  listen();
}
