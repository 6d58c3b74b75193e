// Copyright: Contributors to the imageshare.aws project
// GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// ---- The data, indexed

const report = JSON.parse(document.getElementById("report").textContent);
const levels = new Map(report.levels.map((level, index) => [level.name, { ...level, index }]));
// found: what the legend finds it by; what is denied is found as such alone.
const views = report.views.map((view) => ({ ...view, found: view.marks.includes("defeated") ? [] : view.levels }));
const names = new Map(Object.entries(report.names));
const severalRegistries = report.registries.length > 1;
// The one host of all registries tells none from another.
const severalHosts = new Set(report.registries.flatMap((registry) => registry.hosts)).size > 1;
const severalPartitions = new Set(report.registries.map((registry) => registry.partition)).size > 1;
const columns = new Map();
const repositories = report.registries.flatMap((registry) =>
  registry.repositories.map((row) => readRepository(row, registry)));
// Templates, from which ECR makes repositories, stand among them.
const isTemplate = ({ name }) => name.startsWith("template ");
const ROWS = repositories.some(({ row }) => isTemplate(row))
  ? ["repository or template", "repositories and templates"] : ["repository", "repositories"];
const byPlace = new Map(repositories.map((repository) => [placeKey(repository.registry, repository.row.name), repository]));
// Those that only their registry tells apart.
const once = new Set();
const twins = new Set(repositories.map(({ row }) => row.name).filter((name) => once.size === once.add(name).size));
for (const finding of report.findings) repositoryOf(finding)?.findings.push(finding);
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
    return [columnOf(its[0].share, registry.partition), { view: views[cell.view], shares: its, services: servicesOf(its) }];
  }));
  for (const column of cells.keys()) column.number += 1;
  return {
    row, registry, shares, cells,
    differences: new Map(row.differing.map((one) => [columnOf(one, registry.partition), report.differences[one.difference]])),
    findings: [],
    name: foreign(row.name),
    where: `${registry.registry_id} ${registry.region}`,
    place: shortPlaceOf(registry),
    terms: [row.name.toLowerCase()],
    nearLimit: (row.policy_length ?? 0) > NEAR * LONGEST,
    deleted: (row.deleted_principals ?? []).length > 0,
    denied: shares.some((share) => share.denied_by.length > 0),
    drifted: row.drift !== undefined,
  };
}

// Whoever acts for somebody is found as well.
function servicesOf(its) {
  const services = its.flatMap(({ share }) => [
    ...(share.via_service ? [share.via_service] : []),
    ...(share.lambda_regions.length > 0 ? [LAMBDA] : []),
  ]);
  return services.map((service) => service.toLowerCase());
}

// What people call a registry, beside its account and its region.
function akaOf({ registry_id: id, hosts }) {
  return [...new Set([...(names.has(id) ? [names.get(id)] : []), ...(severalHosts ? hosts : [])])].filter((one) => one !== id);
}

function shortPlaceOf(registry) {
  return [registry.registry_id, registry.region, ...akaOf(registry)].filter(Boolean).map(foreign).join(" ");
}

// Where a run failed before it said which region is meant, that is not known.
function placeOf(registry) {
  const aka = akaOf(registry);
  return foreign(registry.registry_id) + (registry.region === "" ? ", region not known" : ` in ${foreign(registry.region)}`)
    + (aka.length > 0 ? ` (${aka.map(foreign).join(", ")})` : "");
}

function placeKey({ registry_id: id, region }, name) {
  return JSON.stringify([id, region, name]);
}

function repositoryOf(finding) {
  return byPlace.get(placeKey(finding, finding.repository));
}

// One and the same account id is two accounts in two partitions.
function columnOf({ principal, principal_type: type }, partition) {
  const key = `${partition} ${type} ${principal}`;
  if (!columns.has(key)) {
    const lines = labelOf(type, principal);
    lines.push(lines.pop() + (severalPartitions ? ` (${foreign(partition)})` : ""));
    columns.set(key, {
      lines, type, principal,
      label: lines.join(" "),
      name: whoWords(principal),
      words: type === "everyone" ? lines[0] : wordsOf(type, principal),
      terms: [principal, TYPES.get(type) ?? type, ...callsOf(principal), ...arnOf(principal)].map((term) => term.toLowerCase()),
      number: 0,
    });
  }
  return columns.get(key);
}

function wordsOf(type, principal) {
  if (type === "everyone") return "everyone";
  const calls = callsOf(principal);
  return `${TYPES.get(type) ?? foreign(type)} ${foreign(principal)}` + (calls.length > 0 ? ` (${calls.map(foreign).join(", ")})` : "");
}

function whoWords(principal) {
  const calls = callsOf(principal);
  return foreign(principal) + (calls.length > 0 ? ` (${calls.map(foreign).join(", ")})` : "");
}

// The account of an ARN, and what it is there.
function arnOf(principal) {
  return /^arn:[^:]*:[^:]*:[^:]*:([^:]*):(.+)$/.exec(principal)?.slice(1) ?? [];
}

// What people call a principal, or else the account in which it is.
function callsOf(principal) {
  const name = names.get(principal) ?? names.get(arnOf(principal)[0]);
  return name === undefined ? [] : [name];
}

// In one line, or in two if there is a name. What differs between the ARNs of one account comes first: there is little
// room.
function labelOf(type, principal) {
  if (type === "everyone") return ["everyone"];
  const [account, inAccount] = arnOf(principal);
  const id = inAccount ? `${foreign(inAccount)} ${foreign(account)}` : foreign(principal);
  if (names.has(principal)) return [foreign(names.get(principal)), id];
  return names.has(account) ? [foreign(inAccount), `${foreign(names.get(account))} ${foreign(account)}`] : [id];
}

// ---- What is asked for

const standing = report.findings.filter((finding) => finding.accepted === null);
const accepted = report.findings.filter((finding) => finding.accepted !== null);
const principals = [...columns.values()].filter((column) => column.number > 0);
const ALL = { name: ROWS[1], value: repositories.length, has: () => true };
const COUNTS = [
  { name: "findings", value: standing.length, alarm: true, list: () => openFindings() },
  ALL,
  { name: "shares", value: sum((repository) => repository.shares.length), has: (repository) => repository.shares.length > 0 },
  { name: "principals", value: principals.length, list: () => openPrincipals() },
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
// By registry, what finds it.
const places = new Map(report.registries.map((registry) =>
  [registry, [registry.registry_id, registry.region, ...akaOf(registry), ...registry.hosts].map((term) => term.toLowerCase())]));
// What is told of differences, if anything can be.
const differs = report.compared || report.differences.length > 0;

// count: which rows; levels and marks: which cells; differs: whether what is declared is shown as well; parts: which
// differences; undeclared: whether only those are shown whom no grant names.
const asked = { count: ALL, levels: new Set(), marks: new Set(), parts: new Set(), differs: false, undeclared: false };
const shown = { rows: [], columns: [], starts: [] };

function sum(value) {
  return repositories.reduce((total, repository) => total + value(repository), 0);
}

// As in a grant: * is any text, also with a slash, ? any character, and [a-z] or [!a-z] one of these, or none of them.
function shellPattern(text) {
  const [characters, source] = [Array.from(text), []];
  const literal = (character) => `\\u{${character.codePointAt(0).toString(16)}}`;
  for (let index = 0; index < characters.length; index += 1) {
    const first = characters[index + 1] === "!" ? index + 2 : index + 1;
    const end = characters[index] === "[" ? characters.indexOf("]", first + 1) : -1;
    if (end > 0) {
      const members = [];
      for (let at = first; at < end; at += 1) {
        const isRange = characters[at + 1] === "-" && at + 2 < end;
        const [low, high] = isRange ? [characters[at], characters[at + 2]] : [characters[at], characters[at]];
        if (low <= high) members.push(`${literal(low)}-${literal(high)}`);
        if (isRange) at += 2;
      }
      source.push(`[${first > index + 1 ? "^" : ""}${members.join("")}]`);
      index = end;
    } else {
      source.push({ "*": ".*", "?": "." }[characters[index]] ?? literal(characters[index]));
    }
  }
  return new RegExp(`^${source.join("")}$`, "su");
}

// Each word of a text is to be a part of a term, or a pattern that matches one as a whole.
function finder(text) {
  const tests = text.trim().toLowerCase().split(/\s+/).filter(Boolean).map((word) => {
    if (!/[*?[]/.test(word)) return (term) => term.includes(word);
    const pattern = shellPattern(word);
    return (term) => pattern.test(term);
  });
  return (terms) => tests.every((test) => terms.some(test));
}

// Each entry of the legend narrows: two levels leave the cells that have both.
function isAskedView({ found, marks }) {
  return [...asked.levels].every((level) => found.includes(level)) && [...asked.marks].every((mark) => marks.includes(mark));
}

// A cell, or what is missing where there is none.
function isAsked(cell, difference) {
  if (asked.undeclared && !difference?.undeclared) return false;
  if (!asked.differs) return cell !== undefined && cell.view.asked;
  return difference !== undefined
    && [...asked.parts].every((part) => difference[part].length > 0)
    && isAskedView({ found: difference.levels, marks: cell?.view.marks ?? [] });
}

// A filter of columns or cells leaves the rows that have something to show, and the other way round.
function select() {
  const [isRepository, isPrincipal, isPlace] = ["repository", "principal", "registry"].map((id) => finder(field(id).value));
  const inPlace = new Set(report.registries.filter((registry) => isPlace(places.get(registry))));
  const withPrincipal = new Set([...columns.values()].filter((column) => isPrincipal(column.terms)));
  for (const view of views) view.asked = isAskedView(view);
  const narrowed = field("principal").value.trim() !== "" || asked.levels.size > 0 || asked.marks.size > 0
    || asked.undeclared || asked.differs;

  const used = new Set();
  shown.rows = repositories.filter((candidate) => {
    if (!inPlace.has(candidate.registry) || !asked.count.has(candidate) || !isRepository(candidate.terms)) return false;
    let any = false;
    for (const column of new Set([...candidate.cells.keys(), ...(asked.differs ? candidate.differences.keys() : [])])) {
      const cell = candidate.cells.get(column);
      if (!isAsked(cell, candidate.differences.get(column))) continue;
      if (withPrincipal.has(column) || (cell && cell.services.length > 0 && isPrincipal([...column.terms, ...cell.services]))) {
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

  field("shown").textContent = `${number(shown.rows.length)} of ${counted(repositories.length, ...ROWS)}, `
    + `${number(shown.columns.length)} of ${counted(asked.differs ? columns.size : principals.length, "principal", "principals")}`;
  field("nothing").hidden = shown.rows.length > 0;
  field("scroller").hidden = shown.rows.length === 0;
  field("scroller").scrollTo(0, 0);
  at.row = at.column = 0;
  field("here").textContent = "";
  drawHead();
  drawBody(true);
}
