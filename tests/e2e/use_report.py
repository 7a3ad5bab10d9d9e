"""Uses a page of `d2v report` in a headless Chromium, with the keyboard alone: usage: use_report.py PAGE [EVAL]
EVAL: the eval.json of the run that the page is of."""
import json
import sys

from browser import Browser

CONTRAST = r"""(() => {
  const parse = c => { const m = c.match(/[\d.]+/g).map(Number); return m.length < 4 ? [...m, 1] : m; };
  const over = (top, under) => top.slice(0, 3).map((x, i) => x * top[3] + under[i] * (1 - top[3])).concat(1);
  const light = c => { const [r, g, b] = c.map(x => (x /= 255) <= .03928 ? x / 12.92 : ((x + .055) / 1.055) ** 2.4); return .2126 * r + .7152 * g + .0722 * b; };
  const ratio = (a, b) => { const [x, y] = [light(a), light(b)]; return (Math.max(x, y) + .05) / (Math.min(x, y) + .05); };
  const bad = new Map(), seen = new Set();
  for (const e of document.querySelectorAll('body *')) {
    if (e.closest('script,style,svg') || ![...e.childNodes].some(n => n.nodeType === 3 && n.data.trim())) continue;
    const box = e.getBoundingClientRect(), s = getComputedStyle(e);
    if (!box.width || s.visibility === 'hidden' || e.disabled || e.classList.contains('vh') || seen.size > 6000) continue;
    const stack = [];
    for (let p = e; p; p = p.parentElement) stack.push(parse(getComputedStyle(p).backgroundColor));
    const under = stack.reverse().reduce((u, c) => over(c, u), [255, 255, 255, 1]), ink = over(parse(s.color), under), r = ratio(ink, under);
    if (r < 4.5) bad.set(e.tagName + '.' + e.className + ' in ' + e.parentElement.className, r.toFixed(2));
    seen.add(e);
  }
  for (const e of document.querySelectorAll('svg text')) {
    const card = parse(getComputedStyle(e.closest('.card,.chart')).backgroundColor), r = ratio(parse(getComputedStyle(e).fill), card);
    if (r < 4.5) bad.set('svg text.' + e.getAttribute('class'), r.toFixed(2));
  }
  return [seen.size, [...bad]];
})()"""
FOCUS = "(() => {const e = document.activeElement; return e.id || e.getAttribute('href') || e.tagName + '.' + e.className})()"
failed = []


def check(ok, what):
    if not ok:
        failed.append(what)


def contrast(b, where):
    n, bad = b.value(CONTRAST)
    check(n > 100 and not bad, f'{where}: contrast under 4.5 ({n} texts looked at): {bad[:6]}')


def keyboard(b):
    b.key('Tab')
    check(b.value("document.activeElement.className") == 'skip', 'the first stop is the skip link')
    check(b.value("document.activeElement.getBoundingClientRect().left >= 0"), 'the skip link shows when it has the focus')
    b.key('Enter')
    check(b.value(FOCUS) == 'content', 'the skip link leads to the content')
    b.value("document.querySelector('#theme').focus()")
    before = b.value("getComputedStyle(document.body).backgroundColor")
    b.key('Enter')
    check(b.value("getComputedStyle(document.body).backgroundColor") != before, 'the theme button changes the colours')
    b.key('Enter')

    # a kernel's source from a line of the spec
    b.value("document.querySelector('.ks summary').focus()")
    b.key('Enter')
    check(b.value("document.querySelector('.ks details').open"), 'Enter opens the kernels of a line')
    b.value("document.querySelector('.ks a[href=\"#' + [...document.querySelectorAll('.kernel')].find(k => k.querySelector('pre')).id + '\"]').closest('details').open = true")
    b.value("document.querySelector('.ks a[href=\"#' + [...document.querySelectorAll('.kernel')].find(k => k.querySelector('pre')).id + '\"]').focus()")
    b.key('Enter')
    check(b.wait("document.activeElement.classList.contains('kernel') && document.activeElement.querySelector('details').open", 3),
          'a link to a kernel opens its source')

    # memory
    b.value("document.getElementById('at').focus()")
    peak = int(b.value("document.getElementById('at').value"))
    said = b.value("document.getElementById('now').textContent")
    b.key('ArrowRight')
    check(int(b.value("document.getElementById('at').value")) == peak + 1, 'an arrow key goes to the next step')
    now = b.value("document.getElementById('now').textContent")
    check(now != said and now.startswith(f'Step {peak + 1} of'), f'what is said follows: {now}')
    check(b.value("document.getElementById('at').getAttribute('aria-valuetext')").startswith(f'step {peak + 1},'), 'and is spoken')
    b.key('Home')
    check(b.value("document.querySelectorAll('#alive tr').length") >= 1 and b.value("document.getElementById('at').value") == '1', 'Home is step 1')
    b.value("document.getElementById('to-peak').focus()")
    b.key('Enter')
    check(b.value("document.getElementById('now').textContent") == said, 'the button leads back to the peak, in the same words')


def stepper(b):
    check(b.wait("!document.getElementById('stepper').hidden"), 'the stepper appears')
    b.value("document.getElementById('next').focus()")
    n = b.value("document.getElementById('pass').options.length")
    seen = []
    for i in range(n):
        seen.append(b.value("document.getElementById('graphtext').textContent.slice(0, 3000)"))
        check(b.value("document.getElementById('pass').value") == str(i), f'pass {i}')
        if i < n - 1:
            b.key('ArrowRight' if i % 2 else 'Enter')
    check(len(set(seen)) > n - 4, 'each pass shows something of its own')
    check(b.value("document.activeElement.id") == 'prev', 'at the end the focus stays in reach')
    b.key('ArrowRight')
    check(b.value("document.getElementById('pass').value") == str(n - 1), 'no pass follows the last one')
    b.key('ArrowLeft')
    check(b.value("document.getElementById('pass').value") == str(n - 2), 'an arrow goes back')
    b.value("(() => {const f = document.getElementById('find'); f.value = 'gemm'; f.oninput()})()")
    check(b.wait("document.querySelectorAll('#graphtext mark').length > 3"), 'what is looked for is marked')
    check(b.value("[...document.querySelectorAll('#graphtext .g')].every(e => e.textContent.includes('gemm'))"), 'only such lines are shown')
    b.value("(() => {const f = document.getElementById('find'); f.value = ''; f.oninput()})()")
    b.wait("!document.querySelector('#graphtext mark')")
    b.value("(() => {const m = document.getElementById('mode'); m.value = 'all'; m.onchange()})()")
    check(b.value("document.querySelectorAll('#graphtext button, #graphtext .g').length") > 20, 'the whole graph is shown')


def results(b, path):
    want = [[r['encoder'], r['metric'], f'{100 * r["value"]:.2f} %', f'{100 * r["lo"]:.2f} – {100 * r["hi"]:.2f} %'] for r in json.load(open(path))['rows']]
    got = b.value("[...document.querySelectorAll('#results tbody tr')].map(r => [...r.cells].slice(0, 4).map(c => c.innerText.trim()))")
    check(want and got == want, f'results: {got} and not {want}')
    at = b.value("[...document.querySelectorAll('#results .interval')].map(e => {const f = e.getBoundingClientRect(), i = e.firstChild.getBoundingClientRect(); return [(i.left - f.left) / f.width, f.width]})")
    check(len(at) == len(want) and all(abs(100 * x - float(w[3].split()[0])) < 1 and width > 50 for (x, width), w in zip(at, want)), f'bars stand elsewhere: {at}')
    b.value("document.querySelector('nav a[href=\"#results\"]').focus()")
    b.key('Enter')
    check(b.wait("location.hash === '#results' && document.querySelector('#results h2').getBoundingClientRect().top < innerHeight", 3), 'a link leads to the results')
    check(b.value("document.getElementById('results').nextElementSibling.id") == 'curves', 'the curves are next to them')


def main():
    b = Browser(1400, 900)
    for scheme in ('light', 'dark'):
        b.scheme(scheme)
        b.open(sys.argv[1])
        b.wait("!document.getElementById('stepper') || !document.getElementById('stepper').hidden")
        b.value("document.querySelectorAll('details').forEach(d => d.open = true)")
        contrast(b, scheme)
        if b.value("!!document.getElementById('stepper')"):
            b.value("(() => {const p = document.getElementById('pass'); p.value = p.options.length - 1; p.onchange()})()")
            check(b.value("document.querySelectorAll('.g.chg').length") > 10, 'the last pass changes nodes')
            contrast(b, scheme + ', changes')
    b.scheme('light')
    for width in (1400, 1000, 600, 360):
        b.size(width, 900)
        b.open(sys.argv[1])
        got = b.value("document.documentElement.scrollWidth")
        check(got <= width, f'at {width} pixels the page is {got} wide')
    b.size(1400, 900)
    b.open(sys.argv[1])
    has_passes = b.value("!!document.getElementById('stepper')")
    keyboard(b)
    if len(sys.argv) > 2:
        results(b, sys.argv[2])
    if has_passes:
        stepper(b)
    check(b.value("document.querySelectorAll('img, iframe, object, link').length") == 0, 'nothing foreign is in the page')
    check(b.value("window.planted === undefined"), 'what the spec says does not run')
    check(not b.troubles(), f'no exceptions, nothing fetched: {b.troubles()[:3]}')
    b.close()
    b = Browser(1400, 900, script=False)
    b.open(sys.argv[1])
    tree = b.send('DOMSnapshot.captureSnapshot', computedStyles=[])
    words = ' '.join(tree['strings'])
    check('what each line costs' in words and 'prelude.h' in words and 'where most lives' in words, 'spec, kernels and memory are there without the script')
    b.close()
    if failed:
        sys.exit('\n'.join(failed))


main()
