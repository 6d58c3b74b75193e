// Copyright: Contributors to the imageshare.aws project
// GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// The files report_….js are one script, in one block. The rules:
// - What is shown comes from policies that strangers wrote: it becomes text nodes and attributes through element(), and
//   never markup. Whatever puts it beside other text calls foreign(), which keeps its direction to itself and shows what
//   is not seen.
// - What a policy means, and what differs, is computed before: the levels, their colours, the views of cells and the
//   differences are data.
// - Only the rows in sight are drawn: a thousand rows of fifty cells would take seconds.

// ---- Words

const MARKS = [
  { mark: "conditional", legend: "under a condition" },
  { mark: "doubtful", legend: "partly or maybe denied" },
  { mark: "defeated", legend: "denied" },
];
// What differs: by the member of a difference that has the levels.
const DIFFERENCES = [
  { part: "missing", legend: "declared, not there" },
  { part: "too_much", legend: "there, not declared" },
];
// The most dangerous first, as findings come.
const KINDS = new Map([
  ["public", "open to the public"],
  ["undeclared", "not on our list"],
  ["excess", "more than declared"],
  ["unscoped_service", "open to a service without a source condition"],
  ["drift", "drift from the declared grants"],
  ["deleted_principal", "deleted principals"],
  ["unread", "not read"],
  ["exception", "exceptions that are over, or that nothing needs"],
]);
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
const LAMBDA = "lambda.amazonaws.com";
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
