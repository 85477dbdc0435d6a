/** What the proxy says when it opens no tunnel: a status programs understand, and words for whoever reads them. */
import type { Fault, FaultCode } from "../core/fault.ts";

export const established = "HTTP/1.1 200 Connection Established\r\n\r\n";

const statuses: Readonly<Partial<Record<FaultCode, string>>> = {
  invalid_argument: "400 Bad Request",
  permission_denied: "403 Forbidden",
  unimplemented: "405 Method Not Allowed",
  unauthenticated: "407 Proxy Authentication Required",
  resource_exhausted: "429 Too Many Requests",
  unavailable: "502 Bad Gateway",
  canceled: "503 Service Unavailable",
  deadline_exceeded: "504 Gateway Timeout",
};

/** Closes the connection afterwards: nothing a client sent behind a refused request is ever read as another one. */
export function answerTo(fault: Fault): string {
  const body = `reeve: ${fault.message}${fault.hint ? `\n${fault.hint}` : ""}\n`;
  const special = {
    unimplemented: "allow: CONNECT\r\n",
    unauthenticated: 'proxy-authenticate: Basic realm="reeve"\r\n',
  };
  const header = fault.code === "unimplemented" || fault.code === "unauthenticated" ? special[fault.code] : "";
  return (
    `HTTP/1.1 ${statuses[fault.code] ?? "500 Internal Server Error"}\r\n${header}content-type: text/plain; charset=utf-8\r\n` +
    `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`
  );
}
