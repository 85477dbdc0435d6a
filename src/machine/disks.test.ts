/** Which mounts count as disks, and that one which refuses or keeps silent neither hides nor hangs the others. */
import { describe, expect, test } from "bun:test";
import { statfsSync } from "node:fs";
import { type AskSizes, readDisks, realMounts } from "./disks.ts";
import { openMachine } from "./open.ts";
import { plantMachine } from "./testdata/plant.ts";

const sizes = { frsize: 4096, blocks: 1000, bfree: 400, bavail: 350 };
const answers: AskSizes = async () => sizes;
const line = (mount_point: string, type: string, device: string, numbers = "8:1"): string =>
  `99 1 ${numbers} / ${mount_point} rw,relatime shared:1 - ${type} ${device} rw`;

describe("the mounts that count", () => {
  test("are those that hold data, once for each device", async () => {
    const disks = await readDisks(plantMachine(), answers);
    expect(disks.map(({ mount_point, device, file_system }) => [mount_point, device, file_system])).toEqual([
      ["/", "/dev/mmcblk0p2", "ext4"],
      ["/boot/firmware", "/dev/mmcblk0p1", "vfat"],
      ["/media/my usb\\stick", "/dev/sdb1", "exfat"],
      ["/mnt/nas", "nas:/export", "nfs4"],
      ["/mnt/pool", "/dev/sda1", "btrfs"],
    ]);
  });

  test("include the root of a container, which is an overlay, and no other overlay", () => {
    const text = [line("/", "overlay", "overlay", "0:50"), line("/x", "overlay", "overlay", "0:51")].join("\n");
    expect(realMounts(text).map(({ mount_point }) => mount_point)).toEqual(["/"]);
  });

  test("exclude what a later mount on the same point hides", () => {
    const text = [line("/mnt", "ext4", "/dev/sda1"), line("/mnt", "xfs", "/dev/sdb1", "8:17")].join("\n");
    expect(realMounts(text).map(({ device }) => device)).toEqual(["/dev/sdb1"]);
  });

  test("exclude what a later memory file system hides", () => {
    expect(realMounts([line("/mnt", "ext4", "/dev/sda1"), line("/mnt", "tmpfs", "tmpfs", "0:9")].join("\n"))).toEqual(
      [],
    );
  });

  test("survive lines of another form", () => {
    expect(realMounts("\n - \n1 2\n1 2 3 4 5 - ext4\ngarbage - ext4 /dev/x\n")).toEqual([]);
  });

  test("name a device by its directory when one of its files is mounted as well", async () => {
    const text = [line("/etc/hosts", "ext4", "/dev/sda1"), line("/var/lib/postgresql", "ext4", "/dev/sda1")].join("\n");
    const roots = plantMachine({ "proc/self/mountinfo": text });
    const disks = await readDisks(roots, async (path) => (path === "/etc/hosts" ? undefined : sizes));
    expect(disks.map(({ mount_point }) => mount_point)).toEqual(["/var/lib/postgresql"]);
  });

  test("leave out a single file mounted over another", async () => {
    const roots = plantMachine({ "proc/self/mountinfo": line("/etc/hostname", "ext4", "/dev/sda1") });
    expect(await readDisks(roots)).toEqual([]);
  });
});

describe("the sizes", () => {
  const roots = () => plantMachine({ "proc/self/mountinfo": line("/", "ext4", "/dev/sda1") });

  test("keep reserved blocks out of what is available", async () => {
    const [disk] = await readDisks(roots(), answers);
    expect(disk).toMatchObject({ total: 4_096_000, used: 2_457_600, available: 1_433_600, problem: null });
  });

  test("saturate, and never fall below zero", async () => {
    const [disk] = await readDisks(roots(), async () => ({
      frsize: 4096,
      blocks: 2 ** 60,
      bfree: 2 ** 61,
      bavail: -5,
    }));
    expect(disk).toMatchObject({ total: Number.MAX_SAFE_INTEGER, used: 0, available: 0 });
  });

  test("are unknown, with the reason, when the system refuses", async () => {
    const refusal = Object.assign(new Error("no"), { code: "EACCES" });
    const [disk] = await readDisks(roots(), () => Promise.reject(refusal));
    expect(disk).toMatchObject({ mount_point: "/", total: 0, problem: "the operating system refused access" });
  });

  test("of a mount that is not here any more are not listed", async () => {
    const gone = Object.assign(new Error("no"), { code: "ENOENT" });
    expect(await readDisks(roots(), () => Promise.reject(gone))).toEqual([]);
  });

  test("of a silent file system are unknown, and it is not asked twice at once", async () => {
    const text = [line("/", "ext4", "/dev/sda1"), line("/mnt/dead", "nfs", "nas:/x", "0:60")].join("\n");
    const planted = plantMachine({ "proc/self/mountinfo": text });
    const { promise, resolve } = Promise.withResolvers<typeof sizes>();
    let asked = 0;
    const ask: AskSizes = (path) => {
      if (path === "/") return Promise.resolve(sizes);
      asked++;
      return promise;
    };
    const first = await readDisks(planted, ask);
    const second = await readDisks(planted, ask);
    for (const disks of [first, second]) {
      expect(disks.map(({ mount_point, problem }) => [mount_point, problem])).toEqual([
        ["/", null],
        ["/mnt/dead", "no answer within 1000 ms"],
      ]);
    }
    expect(asked).toBe(1);
    resolve(sizes);
    await promise;
    await Promise.resolve();
    expect((await readDisks(planted, ask)).map(({ problem }) => problem)).toEqual([null, null]);
    expect(asked).toBe(2);
  });
});

test("on this machine the root is listed with the size the system call gives", async () => {
  const root = (await openMachine().disks()).find(({ mount_point }) => mount_point === "/");
  const { blocks, bsize } = statfsSync("/");
  expect(root?.total).toBe(blocks * bsize);
  expect(root?.problem).toBeNull();
  expect(root?.used).toBeWithin(1, blocks * bsize + 1);
});
