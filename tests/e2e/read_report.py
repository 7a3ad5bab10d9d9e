"""Reads a page of `d2v report` as a program would: is it whole, does it agree with `d2v plan --format=json` and the dumps?
usage: read_report.py PAGE PLAN [DUMPS]"""
import base64
import json
import os
import sys
import zlib
from html.parser import HTMLParser

VOID = {'meta', 'link', 'input', 'br', 'img', 'line', 'circle', 'rect', 'hr'}
NOT_CLOSED = {'td', 'th', 'li', 'tr', 'dt', 'dd', 'option'}  # HTML lets these end by themselves


class Page(HTMLParser):
    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.ids, self.links, self.outside, self.open, self.wrong = [], [], [], [], []
        self.scripts, self.row, self.rows, self.cell, self.at = {}, None, [], None, None
        self.handlers = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        a = dict(attrs)
        if 'id' in a:
            self.ids.append(a['id'])
        self.handlers += [k for k in a if k.startswith('on')]
        for key in ('href', 'src', 'action', 'data'):
            if key in a:
                (self.links if key == 'href' and a[key].startswith('#') else self.outside).append(a[key])
        if tag == 'script':
            self.at = a.get('id', 'script%d' % len(self.scripts))
            self.scripts[self.at] = ''
        if tag == 'tr':
            self.row = {'id': a.get('id'), 'cells': []}
            self.rows.append(self.row)
        if tag in ('td', 'th') and self.row is not None:
            self.row['cells'].append('')
            self.cell = True
        if tag not in VOID and tag not in NOT_CLOSED:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag == 'script':
            self.at = None
        if tag in NOT_CLOSED or tag in VOID:
            return
        if not self.open or self.open[-1] != tag:
            self.wrong.append(f'</{tag}> closes {self.open[-1:]}')
        else:
            self.open.pop()

    def handle_data(self, data):
        if self.at:
            self.scripts[self.at] += data
        elif self.row and self.row['cells']:
            self.row['cells'][-1] += data


def size(b):
    for unit in ('B', 'KiB', 'MiB', 'GiB', 'TiB'):
        if b < 1023.95 or unit == 'TiB':
            return f'{b:.1f} {unit}' if unit != 'B' else f'{b:.0f} B'
        b /= 1024


def check(ok, what):
    if not ok:
        sys.exit(f'{sys.argv[1]}: {what}')


def main():
    text = open(sys.argv[1], encoding='utf-8').read()
    plan = json.load(open(sys.argv[2]))
    page = Page(text)
    check(not page.wrong and not page.open, f'tags do not match: {page.wrong[:3]} {page.open}')
    check(len(page.ids) == len(set(page.ids)), 'an id stands twice')
    dead = [x for x in page.links if x[1:] not in page.ids]
    check(page.links and not dead, f'links that lead nowhere: {dead[:5]}')
    check(not page.outside and not page.handlers, f'reaches outside, or has handlers: {page.outside[:3]} {page.handlers[:3]}')
    check('http://' not in text.replace('http://www.w3.org/2000/svg', '') and 'https://' not in text, 'names an address')

    for r in page.rows:
        r['cells'] = [c.strip() for c in r['cells']]

    check('<' not in page.scripts['steps'], 'data inside <script> could end it')

    # bytes by owner, and their sum
    owners = {r['cells'][0]: int(r['cells'][1]) for r in page.rows if len(r['cells']) == 5 and r['cells'][1].isdigit() and r['cells'][0] != ''
              and r['cells'][0] in list(plan['owners']) + ['total']}
    check(owners.pop('total') == plan['slab_bytes'], 'the total is not that of the plan')
    check(owners == plan['owners'], f'owners differ: {owners} {plan["owners"]}')

    # each step
    data = json.loads(page.scripts['steps'])
    check(len(data['steps']) == len(plan['steps']), 'another number of steps')
    for i, (mine, want) in enumerate(zip(data['steps'], plan['steps'])):
        kernel, _, _, seconds, moved, live = mine
        check((data['kernels'][kernel], seconds, moved, live) == (want['kernel'], want['seconds'], want['bytes'], want['live_bytes']),
              f'step {i}: {mine} {want}')
    check(data['peak'] == plan['peak']['step'], 'another peak')
    alive = [sum(b for first, last, b, _ in data['values'] if first <= i <= last) for i in range(len(plan['steps']))]
    check(alive == [s['live_bytes'] for s in plan['steps']], 'the values that live do not add up to the live bytes')

    # each line of the spec that costs something stands there, with its bytes
    lines = {}
    name = None
    for r in page.rows:
        if r['id'] is None and len(r['cells']) == 1 and r['cells'][0].endswith('.d2v'):
            name = r['cells'][0]
        elif r['id'] and r['id'].startswith('L') and len(r['cells']) > 2:
            lines[f'{name}:{r["cells"][0]}'] = r['cells']
    want = {x['name']: x for x in plan['lines'] if x['name'] != '(no line)'}
    check(set(lines) == set(want), f'lines differ: {sorted(set(lines) ^ set(want))[:5]}')
    for n, w in want.items():
        if w['bytes']:
            check(lines[n][7 if len(lines[n]) == 10 else 8] == size(w['bytes']), f'{n}: {lines[n]} {size(w["bytes"])}')

    # each graph after each pass, as d2v compile dumps it; the pairing of lines covers all of them
    if len(sys.argv) > 3:
        flat = zlib.decompress(base64.b64decode(page.scripts['stages']))
        head, rest = flat.split(b'\n', 1)
        count = {}
        before = None
        for s in json.loads(head):
            mine, rest = rest[:s['bytes']], rest[s['bytes']:]
            n = count[s['graph']] = count.get(s['graph'], -1) + 1
            dump = open(os.path.join(sys.argv[3], s['graph'], f'{n:02d}-{s["pass"]}.ir'), 'rb').read()
            check(mine == dump, f'{s["graph"]} after {s["pass"]} is not the dump')
            lines_now = mine.count(b'\n')
            pair = [(f + k if f >= 0 else -1) for f, m in zip(s['from'][::2], s['from'][1::2]) for k in range(m)]
            check(len(pair) == lines_now, 'the pairing has another number of lines')
            old = [f for f in pair if f >= 0]
            check(len(old) == len(set(old)) and (not old or max(old) < before), 'a line is paired twice')
            if n:
                nodes = sum(x.lstrip().startswith(b'%') for x in mine.split(b'\n'))
                check(nodes == s['nodes'] and was_nodes - s['removed'] + s['added'] == nodes, f'{s["pass"]}: nodes do not add up')
                check(mine != was or not (s['added'] or s['removed'] or s['edited'] or s['shifted']), f'{s["pass"]}: the same text has no changes')
                check(mine == was or s['added'] or s['removed'] or s['edited'] or s['shifted'], f'{s["pass"]}: another text has changes')
            before, was, was_nodes = lines_now, mine, s['nodes']
        check(not rest, 'something stands behind the last stage')
        dumps = sum(len(f) for _, _, f in os.walk(sys.argv[3]))
        check(sum(n + 1 for n in count.values()) == dumps, 'a dump is missing on the page')


main()
