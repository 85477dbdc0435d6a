#!/usr/bin/env python3
"""Verifies an exported ledger (a C2SP tlog-tiles directory) against pinned keys, sharing no code with what wrote it.

usage: verify_ledger.py DIR KEYFILE
KEYFILE holds the log's verifier keys, one a line. Python's standard library does everything but the Ed25519
signature, which `openssl` checks. The ML-DSA-44 signature is reported as not checked: OpenSSL before 3.5 cannot.
exit: 0 verified, 2 usage, 4 a file is missing, 14 entry or tree damaged, 20 signature, 21 checkpoint of another tree
"""
import base64, hashlib, json, pathlib, re, struct, subprocess, sys, tempfile

def stop(code, message):
    print("FAILED: " + message)
    sys.exit(code)

def read(root, path):
    try:
        return pathlib.Path(root, path).read_bytes()
    except OSError as error:
        stop(4, "%s: %s" % (path, error.strerror))

def unbase64(text, code, what):
    raw = base64.b64decode(text) if len(text) % 4 == 0 and re.fullmatch("[A-Za-z0-9+/]+={0,2}", text) else b""
    return raw if base64.b64encode(raw).decode() == text else stop(code, what + " is not standard base64")

def pinned_key(path):
    for line in read("", path).decode().split("\n"):
        match = re.fullmatch(r"([^\s+]+)\+([0-9a-f]{8})\+(\S+)", line.strip())
        raw = unbase64(match.group(3), 2, "the key") if match else b""
        if raw[:1] == b"\x01" and len(raw) == 33:
            name = match.group(1)
            if hashlib.sha256(name.encode() + b"\n" + raw).hexdigest()[:8] != match.group(2):
                stop(2, "the pinned key's id is not the hash of the key")
            return name, bytes.fromhex(match.group(2)), raw[1:]
    stop(2, "the key file holds no Ed25519 verifier key")

def ed25519_verifies(key, message, signature):
    with tempfile.TemporaryDirectory() as temporary:
        files = {"key": bytes.fromhex("302a300506032b6570032100") + key, "message": message, "signature": signature}
        for path, content in files.items():
            pathlib.Path(temporary, path).write_bytes(content)
        command = "openssl pkeyutl -verify -pubin -keyform DER -inkey key -rawin -in message -sigfile signature"
        return subprocess.run(command.split(), cwd=temporary, capture_output=True).returncode == 0

def open_checkpoint(note, name, key_id, key):
    text, _, lines = note.decode("utf-8", "replace").rpartition("\n\n")
    if not lines.endswith("\n") or re.search("[\x00-\x09\x0b-\x1f\ufffd]", text + lines):
        stop(20, "the checkpoint is not a signed note")
    body, signed, others = text + "\n", False, 0
    for line in lines[:-1].split("\n"):
        match = re.fullmatch("\u2014 ([^ +]+) (\\S+)", line) or stop(20, "a signature line is malformed")
        raw = unbase64(match.group(2), 20, "a signature")
        ours = match.group(1) == name and raw[:4] == key_id
        if ours and not ed25519_verifies(key, body.encode(), raw[4:]):
            stop(20, "the Ed25519 signature of the checkpoint does not verify")
        signed, others = signed or ours, others + (not ours)
    if not signed:
        stop(20, "the pinned key did not sign the checkpoint")
    match = re.fullmatch(re.escape(name) + r"\n(0|[1-9][0-9]{0,15})\n([A-Za-z0-9+/]{43}=)\n", body)
    match = match or stop(20, "the checkpoint is not one of this log")
    return int(match.group(1)), unbase64(match.group(2), 20, "the root"), others

def check_entry(raw, seq, name, previous):
    floats = []
    try:
        text = raw.decode("utf-8")
        entry = dict(json.loads(text, parse_float=floats.append, parse_constant=floats.append))
    except (ValueError, TypeError, RecursionError) as error:
        stop(14, "entry %d is not a JSON object: %s" % (seq, error))
    again = json.dumps(entry, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    # Python sorts keys by code point and spells floats its own way: astral characters and floats go by hash alone.
    if again != text and not floats and not re.search("[\U00010000-\U0010ffff]", text):
        stop(14, "entry %d is not in canonical form" % seq)
    place = entry.get("v"), entry.get("seq"), entry.get("log")
    if place != (1, seq, name) or ("commit" in entry) == ("payload" in entry):
        stop(14, "entry %d is not entry %d of this log" % (seq, seq))
    if entry.get("prev") != base64.b64encode(previous).decode():
        stop(14, "entry %d does not follow the entry before it" % seq)

def tile(level, index, count):
    digits = "%0*d" % (-(-len(str(index)) // 3) * 3, index)
    path = "".join("x%s/" % digits[at:at + 3] for at in range(0, len(digits) - 3, 3)) + digits[-3:]
    return "tile/%s/%s%s" % (level, path, "" if count == 256 else ".p/%d" % count)

def tree_hash(row):
    if len(row) < 2:
        return row[0] if row else hashlib.sha256(b"").digest()
    split = 1 << (len(row) - 1).bit_length() - 1
    return hashlib.sha256(b"\x01" + tree_hash(row[:split]) + tree_hash(row[split:])).digest()

def main():
    if len(sys.argv) != 3:
        stop(2, "usage: verify_ledger.py DIR KEYFILE")
    directory, (name, key_id, key) = sys.argv[1], pinned_key(sys.argv[2])
    size, root, others = open_checkpoint(read(directory, "checkpoint"), name, key_id, key)
    leaves, previous, level = [], bytes(32), 0
    for index in range(-(-size // 256)):
        count = min(256, size - index * 256)
        bundle, at = read(directory, tile("entries", index, count)), 0
        for seq in range(index * 256, index * 256 + count):
            length = struct.unpack(">H", bundle[at:at + 2])[0] if at + 2 <= len(bundle) else -1
            raw, at = bundle[at + 2:at + 2 + length], at + 2 + length
            if len(raw) != length:
                stop(14, "entry %d is cut off" % seq)
            check_entry(raw, seq, name, previous)
            previous = hashlib.sha256(b"\x00" + raw).digest()
            leaves.append(previous)
        if at != len(bundle):
            stop(14, "entry bundle %d holds more than its entries" % index)
    if tree_hash(leaves) != root:
        stop(21, "the entries are not those of the signed checkpoint")
    while leaves:
        tiles = [leaves[at:at + 256] for at in range(0, len(leaves), 256)]
        for index, hashes in enumerate(tiles):
            if read(directory, tile(level, index, len(hashes))) != b"".join(hashes):
                stop(14, "tile %d/%d is not the hashes of its entries" % (level, index))
        leaves, level = [tree_hash(hashes) for hashes in tiles if len(hashes) == 256], level + 1
    print("OK: %d entries of %s; Ed25519 verified, %d other signature(s) not checked" % (size, name, others))

main()
