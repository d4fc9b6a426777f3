"""Compares our checks of `buf.validate` with those of protovalidate, Buf's own implementation.

    rules.py PROGRAM MESSAGES SEED

PROGRAM is that of tests/conformance/rules. MESSAGES random messages go through both, and both must find fault with the
same fields. Ends with 1 and a list of the differences if they do not.
"""

import json
import math
import random
import struct
import subprocess
import sys
import time

import protovalidate
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

# Ours alone: no database can store these values.
NEVER_ALLOWED = {"STRING_NO_NUL", "NUMBER_FINITE", "DURATION_VALID", "TIMESTAMP_VALID"}

# Our answer names no more.
MOST = 100

# What the build refuses, with file and line, as it would have to evaluate CEL.
REFUSED = {"cel", "cel_expression"}

TEXTS = [
    "", "a", "b", "ab", "abc", "bc", "aab", "bbb", "abcd", "ABC", "Abc", "\u00e4bc", "\u00e4\u00e4", "a\nb\nc", "a\nc",
    "a.c", "7", "77", "7_", "\u0667", "_", " ", "\t \r\n\f", "\v", "\u00a0", "\u2028", "K", "\u212a", "\u017f", "\u00df",
    "\u0130", "\U0001f600", "aa\u0301", "\u00c4B", "a-b", "\x7f", "x\x1fy", "value: 1", "\u0085",
    # E-mail addresses and hosts.
    "a@b", "a@b.org", "a+b@c.d", "a@b..c", "a@-b.c", "a@b-.c", "a b@c.d", "\u00fc@b.org", "a@b\u00fc.org", "@b", "a@",
    "a@b.org.", ".@b", "a@" + "b" * 63, "a@" + "b" * 64, "Zoe <z@b.org>", "a@[127.0.0.1]", "a@b_c.d",
    "example.org", "example.org.", "a..b", "1.2.3", "a.1", "1.a", "a_b", "-a", "a-", "xn--bcher-kva.example", ".",
    "b" * 63, "b" * 64, ".".join(["b" * 63] * 4)[:253], ".".join(["b" * 63] * 4)[:253] + ".",
    ".".join(["b" * 63] * 4)[:252] + ".", ".".join(["b" * 63] * 4)[:254], "\u00fc.org",
    # Addresses.
    "1.2.3.4", "01.2.3.4", "1.2.3.256", "1.2.3", "1.2.3.4.5", "0.0.0.0", "1.2.3.4%a", "::", "::1", "fe80::1%eth0",
    "::1%", "::1%%", "::1%a b", "::1%25a", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8", "1:2:3:4:5:6:7",
    "::ffff:1.2.3.4", "::ffff:01.2.3.4", "1:2:3:4:5:6:1.2.3.4", "1::2::3", ":1", "12345::", "g::", "1:2:3:4:5:6:7:8:9",
    "1.2.3.4/8", "1.0.0.0/8", "1.2.3.4/32", "1.2.3.4/33", "1.2.3.4/08", "1.2.3.4/", "1.2.3.4/+8", "0.0.0.0/0",
    "1.2.3.4/0", "::/0", "::1/0", "::1/128", "::1/129", "2001:db8::/32", "2001:db8::1/32", "fe80::1%a/64", "::/00",
    "a:1", "a:0", "a:00", "a:65535", "a:65536", "a:", ":1", "1.2.3.4:80", "[::1]:80", "[::1%a]:80", "[::1]", "::1:80",
    "[::1]80", "[a]:80", "a:b:1", "a.1:80", "a:+1", "a: 1", "[::1]:", "[::1]:080", "[1.2.3.4]:80",
    # URIs.
    "https://example.org/a?b#c", "urn:a:b", "/a", "//a", "a:b", "a b:c", "http://[::1]/", "http://[::1%25eth0]/",
    "http://[::1%eth0]/", "http://[v1.a:b]/", "http://[::g]/", "http://a:80/", "http://a:b/", "http://a:/", "http://:80",
    "http://u:p@a/", "http://u@v@a/", "http://a/%41", "http://a/%4", "http://a/%zz", "http://a%2fb/", "http://\u00fc/",
    "1a:b", "a+b-c.d:e", "?a=b", "#a", "#a#b", "a?b?c", "http://a/ b", "http://a/\\", "http://a/[b]", "mailto:a@b",
    "file:///a", "http://", "http:", "http:/", ":", ":a", "./a:b", "a:b:c", "http://a/{b}", "http://a/^", "http://a/`",
    "http://a/|", 'http://a/"', "http://a/<b>", "//[::1]", "foo://%c3x%96", "foo://a?%c3x%96", "http://a/%C3%A9",
    "https://foo%c3x%96", "http://[fe80::1%25%c3x%96]/", "http://[fe80::a%25]/", "http://1.2.3.256/", "http://a:65536/",
    "../a", "a/../b", "", "http://a//b", "///a", "http:///a", "x://a/b/;p=1", "http://a:80:80/",
    # Identifiers.
    "00000000-0000-4000-8000-00000000000f", "{00000000-0000-4000-8000-00000000000f}", "00000000000040008000" + "0" * 12,
    "00000000-0000-4000-8000-00000000000g", "01ARZ3NDEKTSV4RRFFQ69G5FAV", "81ARZ3NDEKTSV4RRFFQ69G5FAV",
    "01arz3ndektsv4rrffq69g5fav", "01ARZ3NDEKTSV4RRFFQ69G5FAU", "0" * 26, "0" * 25,
    "a.b", ".a", ".a.b", "a.", "_a._1", "1.a", "a.1b", "A.b_C", "..a", "a..b", "a.\u00e4",
    "x-name", ":path", "::path", "x name", ":", "a,b", "a;b", "a\rb", "x\u00e4", "!#$%&'*+-.^_`|~", "a`b", "@a",
]
DATAS = [b"", b"a", b"b", b"abc", b"a\nc", b"bc", b"\xff", b"ab\xffc", b"abcd", b"1234", b"1" * 15, b"1" * 16]
WHOLE = [0, 1, 2, 3, 4, 5, 6, 7, -1, -2, -3, 2**31 - 1, -(2**31), 2**32 - 1, 2**63 - 1, -(2**63), 2**64 - 1]
BROKEN = [0.0, -0.0, 0.1, 0.2, 0.3, 2.0, 5.0, 1.9999999, 3.5, -0.5, -1.0, -1.5, -2.5, 1e38, 1e300, math.nan, math.inf,
          -math.inf]
TIMES = [(0, 0), (1, 0), (2, 0), (2, 5), (3, 0), (5, 0), (5, 1), (6, 0), (0, -1), (-1, -5), (1, 999999999)]
URLS = ["", "a/b", "type.googleapis.com/rules.v1.Inner", "rules.v1.Inner", "type.googleapis.com/rules.v1.Case"]
PATHS = ["a", "b", "b.c", "b.c.d", "b.cd", "a.b", "ab", ""]


class Random:
    """Random values for every type of field."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.now = int(time.time())

    def text(self):
        text = self.random.choice(TEXTS)
        if self.random.random() < 0.3:
            at = self.random.randrange(len(text) + 1)
            cut = at + self.random.randrange(2)
            extra = self.random.choice(["", *"aB7 .:/%[]@-_?#\u00e4\n", "%41", "::"])
            text = text[:at] + extra + text[cut:]
        return text

    def whole(self, least, most):
        if self.random.random() < 0.1:
            return self.random.randint(least, most)
        return self.random.choice([value for value in WHOLE if least <= value <= most])

    def broken(self, single):
        value = self.random.choice(BROKEN)
        if single and math.isfinite(value) and abs(value) > 3e38:
            value = 3.0
        return value

    def value(self, field):
        kind = field.type
        if kind == field.TYPE_STRING:
            return self.text()
        if kind == field.TYPE_BYTES:
            # For bytes that are no text, a pattern ends in an error. Few of them leave most messages with a verdict.
            texts = [data for data in DATAS if b"\xff" not in data]
            return self.random.choice(DATAS if self.random.random() < 0.02 else texts)
        if kind == field.TYPE_BOOL:
            return self.random.random() < 0.5
        if kind == field.TYPE_ENUM:
            return self.random.choice([0, 1, 2, 3, 7, -1])
        if kind in (field.TYPE_FLOAT, field.TYPE_DOUBLE):
            return self.broken(kind == field.TYPE_FLOAT)
        bits = 64 if "64" in names[kind] else 32
        if names[kind].startswith(("TYPE_U", "TYPE_FIXED")):
            return self.whole(0, 2**bits - 1)
        return self.whole(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)

    def fill(self, message, depth=0):
        oneofs = {}
        for field in message.DESCRIPTOR.fields:
            if field.containing_oneof is not None:
                oneofs.setdefault(field.containing_oneof.name, []).append(field)
            else:
                self.field(message, field, depth)
        for members in oneofs.values():
            if self.random.random() < 0.8:
                self.field(message, self.random.choice(members), depth)

    def field(self, message, field, depth):
        if self.random.random() < (0.2 if depth < 2 else 0.9):
            return
        many = self.random.randrange(4)
        if is_map(field):
            entries = getattr(message, field.name)
            keys, values = (field.message_type.fields_by_name[name] for name in ("key", "value"))
            for _ in range(many):
                key = self.value(keys)
                if values.type == values.TYPE_MESSAGE:
                    self.message(entries[key], depth)
                else:
                    entries[key] = self.value(values)
        elif is_list(field):
            elements = getattr(message, field.name)
            for _ in range(many):
                if field.type == field.TYPE_MESSAGE:
                    self.message(elements.add(), depth)
                else:
                    elements.append(self.value(field))
        elif field.type == field.TYPE_MESSAGE:
            inner = getattr(message, field.name)
            inner.SetInParent()
            self.message(inner, depth)
        else:
            setattr(message, field.name, self.value(field))

    def message(self, message, depth):
        name = message.DESCRIPTOR.full_name
        if name == "google.protobuf.Any":
            message.type_url = self.random.choice(URLS)
        elif name == "google.protobuf.FieldMask":
            message.paths.extend(self.random.choices(PATHS, k=self.random.randrange(3)))
        elif name in ("google.protobuf.Timestamp", "google.protobuf.Duration"):
            seconds, nanos = self.random.choice(TIMES)
            if name.endswith("Timestamp"):
                nanos = abs(nanos)
                # A minute around a limit, nobody knows who looked first.
                seconds = self.random.choice([seconds, self.now + self.random.choice([-9999, -600, 600, 9999])])
            message.seconds, message.nanos = seconds, nanos
        else:
            self.fill(message, depth + 1)


def is_list(field):
    return getattr(field, "is_repeated", None) if hasattr(field, "is_repeated") else field.label == field.LABEL_REPEATED


def is_map(field):
    return field.type == field.TYPE_MESSAGE and field.message_type.GetOptions().map_entry


def rules(pool, field):
    options = message_factory.GetMessageClass(pool.FindMessageTypeByName("google.protobuf.FieldOptions"))
    return str(options.FromString(field.GetOptions().SerializeToString()))


def path(elements, message):
    """The path of a violation as we write it."""
    text = ""
    descriptor = message
    for element in elements:
        field = descriptor.fields_by_name.get(element.field_name) if descriptor else None
        name = field.json_name if field else element.field_name
        text += ("." if text else "") + name
        subscript = element.subscript
        if subscript is not None:
            value = subscript.value
            if isinstance(value, bool):
                value = str(value).lower()
            text += f"[{value}]" if subscript.field == "index" else f'["{value}"]'
        if field and field.type == field.TYPE_MESSAGE:
            descriptor = field.message_type
            if descriptor.GetOptions().map_entry:
                descriptor = descriptor.fields_by_name["value"].message_type
        else:
            descriptor = None
    return text


def every_rule_is_used(pool, files):
    """A rule that is new in buf.validate must be added to the contract."""
    rules = pool.FindMessageTypeByName("buf.validate.FieldRules")
    wanted = set()
    for group in rules.fields:
        if group.type != group.TYPE_MESSAGE or group.name in REFUSED:
            continue
        wanted.update(f"{group.name}.{rule.name}" for rule in group.message_type.fields)
    wanted.update(["required", "ignore"])
    used = set()

    def walk(rules, prefix=""):
        for field, value in rules.ListFields():
            if field.message_type and field.message_type.full_name == "buf.validate.FieldRules":
                used.add(prefix + field.name)
                walk(value)
            elif prefix or field.type != field.TYPE_MESSAGE:
                used.add(prefix + field.name)
            else:
                walk(value, field.name + ".")

    extension = pool.FindExtensionByName("buf.validate.field")
    options_type = message_factory.GetMessageClass(pool.FindMessageTypeByName("google.protobuf.FieldOptions"))
    message_factory.GetMessageClass(rules)
    for file in files:
        if not file.name.startswith("rules/"):
            continue
        for message in file.message_type:
            for field in message.field:
                parsed = options_type.FromString(field.options.SerializeToString())
                if parsed.HasExtension(extension):
                    walk(parsed.Extensions[extension])
    return sorted(wanted - used)


def main():
    program, count, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    descriptors = subprocess.run([program, "--descriptors"], check=True, capture_output=True).stdout
    files = descriptor_pb2.FileDescriptorSet.FromString(descriptors).file
    pool = descriptor_pool.DescriptorPool()
    for file in files:
        pool.Add(file)
    unused = every_rule_is_used(pool, files)
    if unused:
        sys.exit(f"the contract has no {', '.join(unused)}")
    case = message_factory.GetMessageClass(pool.FindMessageTypeByName("rules.v1.Case"))
    validator = protovalidate.Validator()
    values = Random(seed)
    ours = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    members = case.DESCRIPTOR.fields
    differences, fields, refused, errors = {}, 0, 0, 0
    for number in range(count):
        message = case()
        member = members[number % len(members)]
        inner = getattr(message, member.name)
        inner.SetInParent()
        values.fill(inner)
        frame = message.SerializeToString()
        ours.stdin.write(struct.pack("<I", len(frame)) + frame)
        ours.stdin.flush()
        answer = json.loads(ours.stdout.readline())
        found = {field for field, rule in answer if rule not in NEVER_ALLOWED}
        never = {field for field, rule in answer if rule in NEVER_ALLOWED}
        try:
            violations = validator.collect_violations(message)
        except protovalidate.EvaluationError:
            errors += 1
            continue
        wanted = {path(violation.proto.field.elements if violation.proto.field else [], case.DESCRIPTOR)
                  for violation in violations}
        fields += len(member.message_type.fields)
        refused += len(wanted)
        if len(answer) == MOST:
            found, wanted = set(), found - wanted
        for place in (found ^ wanted) - never:
            name = ".".join(place.split("[")[0].split(".")[:2])
            differences.setdefault(name, []).append((place, place in found, message))
    ours.stdin.close()
    ours.wait()
    if errors > count / 20:
        sys.exit(f"{errors} messages are without a verdict")
    print(f"{count} messages, {fields} fields, {refused} violations, {errors} without a verdict")
    for name, found in sorted(differences.items()):
        member, _, field = name.partition(".")
        declared = pool.FindMessageTypeByName("rules.v1.Case").fields_by_name[member].message_type
        rule = [rules(pool, f) for f in declared.fields if f.json_name == field]
        print(f"{name}: {len(found)} differences; {' '.join(' '.join(rule).split())[:300]}")
        for place, refuses, message in found[:2]:
            print(f"    {'we refuse' if refuses else 'we accept'} {place}: {shown(message, member, field)}")
    sys.exit(bool(differences))


def shown(message, member, field):
    inner = getattr(message, member)
    fields = {f.json_name: f.name for f in inner.DESCRIPTOR.fields}
    return repr(getattr(inner, fields[field]))[:200] if field in fields else repr(str(inner))[:300]


names = {}

if __name__ == "__main__":
    from google.protobuf.descriptor import FieldDescriptor

    names.update({getattr(FieldDescriptor, name): name for name in dir(FieldDescriptor) if name.startswith("TYPE_")})
    main()
