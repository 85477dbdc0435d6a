/** How to run a program in a network of its own in which public addresses lead to this very machine. */

/**
 * Brings loopback up and routes whole public networks to it, as netlink(7) has it: unlike an address of an interface, such
 * a route is nothing the vetting would know as this machine's own. Debian without iproute2 has nothing else for it.
 */
const enter = `
import fcntl, os, socket, struct, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
fcntl.ioctl(s, 0x8914, struct.pack("16sh14x", b"lo", 0x1 | 0x40))
s.close()
def attribute(kind, data):
    return struct.pack("HH", 4 + len(data), kind) + data
def route(family, network, length):
    body = struct.pack("BBBBBBBBI", family, length, 0, 0, 255, 4, 254, 2, 0)
    body += attribute(1, network) + attribute(4, struct.pack("I", 1))
    n = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
    n.send(struct.pack("IHHII", 16 + len(body), 24, 0x605, 1, 0) + body)
    answer = n.recv(4096)
    code = struct.unpack("i", answer[16:20])[0]
    if code: raise OSError(-code, os.strerror(-code))
route(socket.AF_INET, socket.inet_pton(socket.AF_INET, "93.184.215.0"), 24)
route(socket.AF_INET6, socket.inet_pton(socket.AF_INET6, "2606:2800:220:1::"), 64)
os.execvp(sys.argv[1], sys.argv[1:])
`;

export const publicIpv4 = "93.184.215.14";
/** Routed like the other one, and nobody listens there. */
export const deadIpv4 = "93.184.215.99";
export const publicIpv6 = "2606:2800:220:1::14";

export function inWorld(command: readonly string[]): string[] {
  return ["unshare", "--net", "--", "python3", "-c", enter, ...command];
}
