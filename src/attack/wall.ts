/** The walls an attack can meet, by name. Each can be left out of a scratch home, so that the attacks can prove that they are able to succeed. */

export const walls = {
  "workspace-guard": "no path leaves the workspace, follows a link or enters Reeve's own state",
  "policy-deny": "what no grant covers, or a rule denies, is not done",
  "policy-ask": "what a rule asks about first waits for the operator's answer",
  "control-ring": "an agent changes neither policy, config, secrets nor other agents",
  "operator-stop": "a stopped agent makes no call",
  scrubber: "no value of the vault reaches a record, a result or a model",
  "ledger-chain": "an altered, cut or rearranged ledger does not verify",
  "ledger-signature": "a ledger that was signed with other keys does not verify",
  witness: "a ledger that is behind what the witness saw does not verify",
  "approval-answerer": "neither an agent nor the one who asked answers an approval",
  "approval-digest": "an approval holds for exactly the call that was asked about",
  "approval-record": "an answer that the ledger does not tell of is no answer",
  "approval-single-use": "an approval is used once",
  "approval-expiry": "an approval ends with its time",
  "egress-grammar": "what two parsers could read as two places, an address or a local name is no place",
  "egress-addresses": "no name leads to this machine, a private network or a cloud's metadata",
  "egress-policy": "nothing is sent to a place that no grant covers or a rule denies",
  "egress-redirects": "each redirect is read, decided and vetted anew, and leaves credentials behind",
  "egress-record": "nothing is dialled before it stands in the ledger",
  "egress-headers": "a header neither ends its line nor speaks for the connection",
  "egress-bounds": "of an answer no more is read and unpacked than was asked for",
  "egress-head": "what two readers of a proxy's request could take differently opens no tunnel",
  "egress-token": "nothing passes the proxy without a token that is whole, of this run and still good",
  "egress-caveats": "a token opens what its caveats cover and carries no more than they say",
  "egress-server-name": "no byte passes a tunnel unless it asks for the host that was decided about",
  "secret-binding": "a secret goes to the hosts it is bound to and to no other",
  question: "whoever is asked is shown what the call reaches and sends, and nothing of it passes for words of Reeve",
  taint: "what a stranger's words could make a run do with private data, or to what acts later, is asked about first",
  "sandbox-required": "where nothing can confine a program, none is started",
  "sandbox-files": "a program reads and changes nothing but what it was given",
  "sandbox-network": "a program reaches no network and no socket of the machine",
  "sandbox-environment": "a program inherits no variable of Reeve's",
  "sandbox-descriptors": "a program holds no open file of the launch",
  "sandbox-processes": "a program sees, signals and outlives nobody",
  "sandbox-calls": "system calls that programs do not need are refused",
  "sandbox-rights": "a program has no capability, and no way to one",
  "sandbox-limits": "a program takes no more of the machine than its share",
  "shell-grammar": "each command of a line of shell needs its own grant, wherever in the line it is hidden",
} as const;

export type Wall = keyof typeof walls;

export const wallNames = Object.keys(walls) as readonly Wall[];

/** The walls around a program that was started. */
export const sandboxWalls = wallNames.filter((wall) => wall.startsWith("sandbox-"));
