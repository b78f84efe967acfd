/**
 * What is done with commands whose keys are in several slots of the target, by `--cross-slot`:
 *
 *   policy   parts       carry       refuse
 *   carry    sent        carried     left out
 *   split    sent        left out    left out
 *   skip     left out    left out    left out
 *   fail     an error    an error    an error
 *
 * Everything else goes where the plan says. Reports are the same text for all commands of one kind.
 */
import type { ClusterPlan } from './cross-slot.js';

export const CROSS_SLOT_POLICIES = ['carry', 'split', 'skip', 'fail'] as const;
export type CrossSlotPolicy = (typeof CROSS_SLOT_POLICIES)[number];

export type ClusterAction =
  | Exclude<ClusterPlan, { readonly kind: 'refuse' }>
  | { readonly kind: 'leave-out'; readonly report: string }
  | { readonly kind: 'fail'; readonly why: string };

/** `name`: the command's, for the report. */
export function applyCrossSlotPolicy(
  plan: ClusterPlan,
  policy: CrossSlotPolicy,
  name: string,
): ClusterAction {
  switch (plan.kind) {
    case 'refuse':
      return leaveOut(policy, plan.why);
    case 'carry':
      return policy === 'carry' ? plan : leaveOut(policy, `${name} needs values of other slots`);
    case 'parts':
      if (plan.parts.length === 0 || policy === 'carry' || policy === 'split') return plan;
      return leaveOut(policy, `${name} has keys in several slots`);
    default:
      return plan;
  }
}

function leaveOut(policy: CrossSlotPolicy, why: string): ClusterAction {
  return policy === 'fail' ? { kind: 'fail', why } : { kind: 'leave-out', report: `${why}: left out` };
}
