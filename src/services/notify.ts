/** Tells the service manager how it stands: sd_notify(3), one datagram to the socket it named. */
import { dlopen, type FFIFunction, ptr } from "bun:ffi";
import { Fault } from "../core/fault.ts";

const symbols = {
  socket: { args: ["int", "int", "int"], returns: "int" },
  sendto: { args: ["int", "ptr", "u64", "int", "ptr", "u32"], returns: "i64" },
  close: { args: ["int"], returns: "int" },
} as const satisfies Record<string, FFIFunction>;

const [unix, datagram, close_on_exec, no_signal] = [1, 2, 0o2000000, 0x4000] as const;
const longestPath = 107;

/**
 * Sends `state`, such as `READY=1`, to `socket`, the value of NOTIFY_SOCKET: a path, or `@` and an abstract name. Throws
 * `unavailable` when nobody listens there, `invalid_argument` for what is no such name.
 */
export function notify(socket: string, state: string): void {
  const name = Buffer.from(socket, "utf8");
  if (!/^[/@][^\0]/.test(socket) || name.length > longestPath) {
    throw new Fault("invalid_argument", "NOTIFY_SOCKET names no socket", { hint: "leave it to the service manager" });
  }
  if (name[0] === 0x40) name[0] = 0;
  const address = new Uint8Array(2 + longestPath + 1);
  new DataView(address.buffer).setUint16(0, unix, true);
  address.set(name, 2);
  const message = new Uint8Array(Buffer.from(state, "utf8"));
  const libc = openLibc();
  try {
    const fd = libc.symbols.socket(unix, datagram | close_on_exec, 0);
    if (fd < 0) throw unheard(socket);
    try {
      // An abstract name ends with its length, a path with its NUL.
      const length = 2 + name.length + (name[0] === 0 ? 0 : 1);
      const sent = libc.symbols.sendto(fd, ptr(message), BigInt(message.length), no_signal, ptr(address), length);
      if (Number(sent) !== message.length) throw unheard(socket);
    } finally {
      libc.symbols.close(fd);
    }
  } finally {
    libc.close();
  }
}

function openLibc() {
  try {
    return dlopen("libc.so.6", symbols);
  } catch (cause) {
    throw new Fault("unavailable", "the service manager cannot be told: there is no libc.so.6", { cause });
  }
}

function unheard(socket: string): Fault {
  return new Fault("unavailable", `the service manager does not listen on ${socket}`, {
    hint: "unset NOTIFY_SOCKET when no service manager started this",
  });
}
