"""Reads the VS Code files and colours specs with the TextMate grammar as an editor would: at each place the first rule that matches
earliest wins. Its regular expressions keep to what Python's re and Oniguruma mean alike. Fails when a file is no JSON, when a
word is left that no rule takes, when given places have other scopes, or when the problem matcher misses a message.
textmate.py FOLDER MESSAGES SPEC..."""
import json
import re
import sys

folder, messages, specs = sys.argv[1], sys.argv[2], sys.argv[3:]
package = json.load(open(folder + "/package.json"))
json.load(open(folder + "/language-configuration.json"))
grammar = json.load(open(folder + "/" + package["contributes"]["grammars"][0]["path"]))
assert grammar["scopeName"] == package["contributes"]["grammars"][0]["scopeName"]
rules = []
for rule in grammar["patterns"]:
    text = rule["match"] if "match" in rule else rule["begin"] + '[^"]*(?:' + rule["end"] + ")"
    rules.append((re.compile(text), rule))


def coloured(line):
    """(scope, text) for each piece of a line that a rule takes; None for what is left."""
    at = 0
    while at < len(line):
        found = None
        for pattern, rule in rules:
            m = pattern.search(line, at)
            if m and m.end() > m.start() and (found is None or m.start() < found[0].start()):
                found = m, rule
        if found is None:
            yield None, line[at:]
            return
        m, rule = found
        if m.start() > at:
            yield None, line[at : m.start()]
        if "captures" in rule:
            for n, scope in sorted(rule["captures"].items()):
                yield scope["name"], m.group(int(n))
        else:
            yield rule["name"], m.group()
        at = m.end()


seen = {}
for path in specs:
    for line in open(path):
        for scope, text in coloured(line.rstrip("\n")):
            seen.setdefault(scope, set()).add(text)
want = {
    "comment.line.double-slash.d2v": "// 1. Sizes. Each name is its own axis: equal numbers do not make two axes equal.",
    "string.quoted.double.d2v": '"lib/vit.d2v"',
    "keyword.other.d2v": "objective",
    "entity.name.d2v": "masked_regression",
    "keyword.operator.word.d2v": "over",
    "support.function.d2v": "block_mask",
    "constant.language.d2v": "bicubic",
    "storage.type.unit.d2v": "GiB",
    "storage.type.d2v": "mask",
    "constant.numeric.d2v": "3.3333333333333335",
    "variable.other.constant.axis.d2v": "Py",
    "entity.name.function.d2v": "attend",
    "keyword.operator.d2v": "->",
}
bad = [f"no {scope}: {text}" for scope, text in want.items() if text not in seen.get(scope, ())]
bad += [f"no rule of the grammar is for {scope}" for scope in seen if scope and scope not in want]
# What no rule takes: lower-case names of the spec's own, and brackets.
bad += [f"left over: {text!r}" for text in seen[None] if re.search(r'["/<>=~*]|[A-Z]\w*|^\d', re.sub(r"\b[a-z]\w*", "", text))]
bad += [f"a number with dots: {x}" for x in seen["constant.numeric.d2v"] if ".." in x]
pattern = package["contributes"]["problemMatchers"][0]["pattern"]
found = [m for m in (re.match(pattern["regexp"], line.rstrip("\n")) for line in open(messages)) if m]
if [(m.group(2), m.group(3), m.group(4)) for m in found if m.group(4) == "error"] != [("2", "9", "error")]:
    bad.append("the problem matcher does not find the one error of line 2")
print("\n".join(bad))
sys.exit(bool(bad))
