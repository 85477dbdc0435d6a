/** Every tool of the binary, one line each: what is not listed here cannot be called. */
import type { Tool } from "../define/tool.ts";
import { create as agentCreate } from "./agent/create.ts";
import { list as agentList } from "./agent/list.ts";
import { run as agentRun } from "./agent/run.ts";
import { switchTo as agentSwitch } from "./agent/switch.ts";
import { run as codeRun } from "./code/run.ts";
import { search as codeSearch } from "./code/search.ts";
import { get as configGet } from "./config/get.ts";
import { set as configSet } from "./config/set.ts";
import { append as fsAppend } from "./fs/append.ts";
import { remove as fsDelete } from "./fs/delete.ts";
import { edit as fsEdit } from "./fs/edit.ts";
import { list as fsList } from "./fs/list.ts";
import { move as fsMove } from "./fs/move.ts";
import { read as fsRead } from "./fs/read.ts";
import { write as fsWrite } from "./fs/write.ts";
import { request as httpRequest } from "./http/request.ts";
import { get as metricsGet } from "./metrics/get.ts";
import { info as networkInfo } from "./network/info.ts";
import { grant as policyGrant } from "./policy/grant.ts";
import { list as policyList } from "./policy/list.ts";
import { revoke as policyRevoke } from "./policy/revoke.ts";
import { accept as runAccept } from "./run/accept.ts";
import { cancel as runCancel } from "./run/cancel.ts";
import { files as runFiles } from "./run/files.ts";
import { get as runGet } from "./run/get.ts";
import { list as runList } from "./run/list.ts";
import { revert as runRevert } from "./run/revert.ts";
import { undo as runUndo } from "./run/undo.ts";
import { exec as sandboxExec } from "./sandbox/exec.ts";
import { list as secretsList } from "./secrets/list.ts";
import { remove as secretsRemove } from "./secrets/remove.ts";
import { rotate as secretsRotate } from "./secrets/rotate.ts";
import { set as secretsSet } from "./secrets/set.ts";
import { close as sessionClose } from "./session/close.ts";
import { list as sessionList } from "./session/list.ts";
import { exec as shellExec } from "./shell/exec.ts";
import { list as skillList } from "./skill/list.ts";
import { read as skillRead } from "./skill/read.ts";
import { discover as systemDiscover } from "./system/discover.ts";
import { health as systemHealth } from "./system/health.ts";
import { query as systemQuery } from "./system/query.ts";
import { now as timeNow } from "./time/now.ts";
import { search as toolSearch } from "./tool/search.ts";

export const tools: readonly Tool[] = [
  agentCreate,
  agentList,
  agentRun,
  agentSwitch,
  codeRun,
  codeSearch,
  configGet,
  configSet,
  fsAppend,
  fsDelete,
  fsEdit,
  fsList,
  fsMove,
  fsRead,
  fsWrite,
  httpRequest,
  metricsGet,
  networkInfo,
  policyGrant,
  policyList,
  policyRevoke,
  runAccept,
  runCancel,
  runFiles,
  runGet,
  runList,
  runRevert,
  runUndo,
  sandboxExec,
  secretsList,
  secretsRemove,
  secretsRotate,
  secretsSet,
  sessionClose,
  sessionList,
  shellExec,
  skillList,
  skillRead,
  systemDiscover,
  systemHealth,
  systemQuery,
  timeNow,
  toolSearch,
];
