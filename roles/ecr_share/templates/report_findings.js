// Copyright: Contributors to the imageshare.aws project
// GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// ---- The findings

// More are a click away: a panel of thousands takes seconds.
const MOST_FINDINGS = 100;

const kindWords = (kind) => KINDS.get(kind) ?? foreign(kind);

function openFindings() {
  show({}, () => [
    title("Findings"),
    element("p", { class: "muted" }, standing.length > 0 ? "The most dangerous first, and what is certain before what is possible."
      : accepted.length > 0 ? "Nothing was found but what is accepted." : "Nothing was found."),
    ...[...new Set(standing.map((finding) => finding.kind))].flatMap((kind) => {
      const its = standing.filter((finding) => finding.kind === kind);
      return section(`${kindWords(kind)}: ${number(its.length)}`, someOf(its, (finding) => findingItem(finding)));
    }),
    ...acceptedOf(accepted),
  ], true);
}

// Those on what a panel is about. Their kinds stand beside them.
function findingsOf(some) {
  const [its, others] = [some.filter((one) => one.accepted === null), some.filter((one) => one.accepted !== null)];
  return some.length === 0 ? [] : section("Findings",
    ...(its.length > 0 ? [someOf(its, (finding) => findingItem(finding, kindWords(finding.kind)))] : []), ...acceptedOf(others));
}

function acceptedOf(some) {
  return some.length === 0 ? [] : [element("details", { class: "accepted" },
    element("summary", {}, `Accepted: ${number(some.length)}`),
    someOf(some, (finding) => findingItem(finding, kindWords(finding.kind))))];
}

// The first ones in a list, and a button for the others.
function someOf(some, draw) {
  const made = element("ul", { class: "findings" });
  let drawnSoFar = 0;
  const more = element("li", {}, button({ class: "link" }, () => add(some.length), `All ${number(some.length)}`));
  function add(end) {
    more.remove();
    made.append(...some.slice(drawnSoFar, end).map((finding) => element("li", {}, ...draw(finding))));
    drawnSoFar = end;
    if (end < some.length) made.append(more);
  }
  add(Math.min(MOST_FINDINGS, some.length));
  return made;
}

function findingItem(finding, kind) {
  const { message, certain, accepted: exception } = finding;
  const badges = [...(kind ? [kind] : []), ...(certain ? [] : ["possible"])];
  return [
    element("p", {}, ...badges.flatMap((words) => [element("span", { class: "badge" }, words), " "]), foreign(message)),
    ...(exception ? [element("p", { class: "muted" }, `${foreign(exception.reason)} `
      + `(${exception.until === null ? "without an end" : `until ${foreign(exception.until)}`})`)] : []),
    findingPlace(finding),
  ];
}

// Where it is, as a link to that if the report has it.
function findingPlace(finding) {
  const { registry_id: id, region, host, repository: name, statements } = finding;
  const by = statements.length === 0 ? "" : `, ${statements.length === 1 ? "statement" : "statements"} ${statements.map(named).join(", ")}`;
  const registry = report.registries.find((one) => one.registry_id === id && one.region === region);
  const where = registry ? shortPlaceOf(registry) : [id ?? host, region].filter(Boolean).map(foreign).join(" ");
  const words = `${name === null ? "registry policy" : foreign(name)}, ${where}${by}`;
  const repository = repositoryOf(finding);
  const policy = name === null && registryPolicies.find((one) => one.registry === registry);
  if (repository) return link(() => jump(repository, columnIn(repository, finding)), words);
  return policy ? link(() => openPolicy(policy, true), words) : element("p", { class: "muted" }, words);
}

// The principal of a finding, if something is known of it in the repository.
function columnIn({ cells, differences }, { principal, principal_type: type }) {
  return [...cells.keys(), ...differences.keys()].find((column) => column.principal === principal && (type === null || column.type === type));
}
