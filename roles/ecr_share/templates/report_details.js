// Copyright: Contributors to the imageshare.aws project
// GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// ---- The details

const detail = field("detail");
// What the panel shows, and what it showed before, if a link in it led on.
let panel;
let before = [];
let following = false;

// about: the repository and the principal that are marked in the matrix; draw: returns the content.
function show(about, draw, thenFocus = false) {
  if (!following) before = [];
  else if (panel) before.push({ ...panel, scrolled: detail.scrollTop });
  panel = { about, draw };
  showPanel(thenFocus);
}

function showPanel(thenFocus, scrolled = 0) {
  opened = panel.about;
  const back = before.length > 0 ? [button({ class: "close" }, goBack, "Back")] : [];
  detail.replaceChildren(button({ class: "close", "aria-keyshortcuts": "Escape" }, closeDetail, "Close"), ...back, ...panel.draw());
  detail.hidden = false;
  drawBody(true);
  if (thenFocus) field("detail-title").focus();
  detail.scrollTop = scrolled;
}

function goBack() {
  const { scrolled, ...last } = before.pop();
  panel = last;
  showPanel(true, scrolled);
}

function open(repository, column, thenFocus = false) {
  if (!repository && !column) return;
  show({ repository, column }, () => (repository && column ? cellDetail(repository, column)
    : repository ? repositoryDetail(repository) : principalDetail(column)), thenFocus);
}

// Opens what is anywhere in the report, with the matrix beside it.
function jump(repository, column) {
  if (!shown.rows.includes(repository)) clear();
  at.row = shown.rows.indexOf(repository);
  at.column = Math.max(column ? shown.columns.indexOf(column) : -1, -1);
  bringIntoView();
  open(repository, column, true);
}

function openPrincipals() {
  show({}, () => [
    title("Principals"),
    element("p", { class: "muted" }, `With the number of ${ROWS[1]} of each.`),
    list([...principals].sort((a, b) => b.number - a.number || plain.compare(a.label, b.label)).map((column) =>
      link(() => open(undefined, column, true), column.words, element("span", { class: "muted" }, number(column.number))))),
  ], true);
}

function closeDetail() {
  if (detail.hidden) return;
  detail.hidden = true;
  opened = {};
  panel = undefined;
  drawBody(true);
  goTo(at.row, at.column);
}

const title = (text) => element("h2", { id: "detail-title", tabindex: -1 }, text);
const list = (items) => element("ul", {}, ...items.map((item) => element("li", {}, item)));
const texts = (items) => element("ul", { class: "plain" }, ...items.map((item) => element("li", {}, item)));
// A link of the panel leads on, and back. Its parts stand in a row, so a text is one part.
const link = (onClick, ...children) => button({ class: "link" }, () => {
  following = true;
  onClick();
  following = false;
},
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

function grantWords({ principal, access = [], actions = [], lambda_regions: regions = [], repositories: patterns = [] }) {
  const what = [...[...access, ...actions].map(foreign), ...(regions.length > 0 ? [functions(regions)] : [])];
  return `${whoWords(principal)}: ${what.join(", ")}${patterns.length > 0 ? ` for ${all(patterns)}` : ""}`;
}

function driftWords(drift) {
  const words = Object.entries(drift).flatMap(([kind, grants]) => grants.map((grant) => `${kind}: ${grantWords(grant)}`));
  return words.length > 0 ? words : ["the same access, by other statements"];
}

function cellDetail(repository, column) {
  const [cell, difference] = [repository.cells.get(column), repository.differences.get(column)];
  return [
    title(`${repository.name} → ${column.name}`),
    definitions([
      ["Principal", link(() => open(undefined, column, true), column.words)],
      [isTemplate(repository.row) ? "Template" : "Repository", link(() => open(repository, undefined, true), `${repository.name} in ${placeOf(repository.registry)}`)],
      ["Access", cellWords(repository, column)],
      ...(difference && !asked.differs ? [["Differs", difference.words]] : []),
    ]),
    ...findingsOf(repository.findings.filter((finding) => finding.principal === column.principal)),
    ...(cell?.shares ?? []).map(({ share, view }) => shareDetail(share, view, policiesOf(repository.registry, repository.row))),
  ];
}

// heading: for which repositories it is, where it is one of a registry policy, in which nothing is managed.
function shareDetail(share, view, policies, ...heading) {
  const { via_service: service, lambda_regions: regions, lambda_regions_denied: without = [] } = share;
  return element("div", { class: "share" },
    element("p", {}, viewMark(view), view.name,
      ...(heading.length > 0 ? [] : [element("span", { class: "badge" }, view.kept ? "kept by AWS Lambda" : share.managed ? "managed" : "unmanaged")])),
    ...heading,
    ...(share.defeated ? [element("p", { class: "alarm" }, "All of it is denied.")] : []),
    ...view.cannot.map((words) => element("p", { class: "alarm" }, words)),
    ...(service && !view.kept ? [element("p", {}, serviceWords(service, view.service_access))] : []),
    ...(regions.length > 0 ? [element("p", {}, `${functions(regions)}.`)] : []),
    ...(without.length > 0 ? [element("p", { class: "alarm" }, `${functions(without)} cannot.`)] : []),
    ...(view.other_actions.length > 0
      ? section(view.kept ? "What Lambda may do for that" : "Other actions", texts(view.other_actions.map(foreign))) : []),
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
      ...(row.applied_for ? [["For what ECR creates by", all(row.applied_for)]] : []),
      ...(row.error ? [] : [["Policy", sizeOf(row)], ...opennessOf(row)]),
    ]),
    ...(repository.drifted ? section("Drift from the declared grants",
      texts(driftWords(row.drift))) : []),
    ...findingsOf(repository.findings),
    ...(repository.deleted ? section("Deleted principals", texts(row.deleted_principals.map(foreign))) : []),
    ...(known.length > 0 ? section("Who", list(known.map(([column, { view }]) =>
      link(() => open(repository, column, true), viewMark(view), `${column.words}: ${view.words}`)))) : []),
    ...((row.unmanaged_statements ?? []).length > 0
      ? section("Unmanaged statements", texts(row.unmanaged_statements.map((statement) => `Statement ${named(statement)}`))) : []),
    ...(row.policy ? section("Policy", jsonBlock(row.policy)) : []),
  ];
}

// ---- The registry policies

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
  show({}, () => [
    title("Registry policies"),
    element("p", { class: "muted" }, "What a registry allows on its repositories, those to come among them, beside their own policies."),
    list(some.map((one) => link(() => openPolicy(one, true), `${placeOf(one.registry)}: ${policyWords(one)}`))),
  ], true);
}

function openPolicy(one, thenFocus) {
  show({}, () => policyDetail(one), thenFocus);
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
    ...(policy.drift ? section("Drift from the declared grants", texts(driftWords(policy.drift))) : []),
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
    element("p", { class: "muted" }, counted(its.length, ...ROWS)),
    ...findingsOf(report.findings.filter((finding) => finding.principal === column.principal)),
    ...section("Where", list(its.map((repository) => {
      const { view } = repository.cells.get(column);
      const where = severalRegistries ? ` (${repository.place})` : "";
      return link(() => open(repository, column, true), viewMark(view), `${repository.name}${where}: ${view.words}`);
    }))),
  ];
}
