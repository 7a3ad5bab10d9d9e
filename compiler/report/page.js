// What the page of `d2v report` does with a script: the theme button, the read-out of a step, the stepper through the passes.
// Everything else stands without it. Text from the data is set as text, never as markup; only our own links are markup.
(() => {
'use strict';
const at = id => document.getElementById(id);
const make = (name, cls, text) => {
	const e = document.createElement(name);
	if (cls) e.className = cls;
	if (text !== undefined) e.textContent = text;
	return e;
};
document.documentElement.classList.add('js');

// ---- theme ----
const root = document.documentElement, theme = at('theme');
const dark = () => root.dataset.theme ? root.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme:dark)').matches;
const label = () => {
	theme.textContent = dark() ? 'light' : 'dark';
	theme.setAttribute('aria-label', 'switch to ' + theme.textContent + ' colours');
};
theme.hidden = false;
theme.onclick = () => { root.dataset.theme = dark() ? 'light' : 'dark'; label(); };
matchMedia('(prefers-color-scheme:dark)').addEventListener('change', label);
label();

// ---- a link to a kernel or line opens what it points at ----
const reveal = () => {
	const to = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
	if (!to) return;
	const source = to.classList.contains('kernel') && to.querySelector('details');
	if (source) source.open = true;
	if (to.classList.contains('kernel')) to.focus();
};
addEventListener('hashchange', reveal);
reveal();

// ---- memory: any step ----
const bytes = b => {
	const unit = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
	let u = 0;
	while (b >= 1023.95 && u + 1 < unit.length) { b /= 1024; u++; }
	return b.toFixed(u ? 1 : 0) + ' ' + unit[u];
};
const seconds = s => {
	const x = s >= 1 ? s : s >= 1e-3 ? s * 1e3 : s * 1e6;
	return x < 0.005 ? '< 0.01 µs' : x.toFixed(x >= 100 ? 0 : x >= 10 ? 1 : 2) + (s >= 1 ? ' s' : s >= 1e-3 ? ' ms' : ' µs');
};
const role = ['forward', 'backward', 'teacher', 'update'];
if (at('steps')) {
	const d = JSON.parse(at('steps').textContent), slider = at('at'), svg = at('live'), NS = 'http://www.w3.org/2000/svg';
	const show = s => {
		const [k, r, l, time, moved, live] = d.steps[s], now = at('now'), by = new Map();
		const link = make('a', '', d.kernels[k]);
		link.href = '#K' + k;
		now.replaceChildren('Step ' + (s + 1) + ' of ' + d.steps.length + (s === d.peak ? ', where most lives: ' : ': '), link, ', ' + role[r] + ', ' + seconds(time) + ', ' +
			bytes(moved) + ' moved, ' + bytes(live) + ' of activations alive. For ');
		now.insertAdjacentHTML('beforeend', d.lines[l] || 'no line of the spec');
		for (const [first, last, size, line] of d.values)
			if (first <= s && s <= last) {
				const row = by.get(line) || [0, 0];
				by.set(line, [row[0] + size, row[1] + 1]);
			}
		at('alive').replaceChildren(...[...by].sort((x, y) => y[1][0] - x[1][0]).map(([line, [size, n]]) => {
			const tr = make('tr');
			tr.append(make('td', 'n', bytes(size)), make('td', 'n', live ? (100 * size / live).toFixed(1) + ' %' : ''), make('td', 'n', n));
			tr.append(make('td'));
			tr.lastChild.innerHTML = d.lines[line];
			return tr;
		}));
		slider.setAttribute('aria-valuetext', 'step ' + (s + 1) + ', ' + d.kernels[k] + ', ' + bytes(live) + ' alive');
		const [left, right, top, bottom] = d.place, x = left + (s + 0.5) / d.steps.length * (right - left), line = document.createElementNS(NS, 'line');
		for (const [name, v] of [['x1', x], ['x2', x], ['y1', top], ['y2', bottom + 12]]) line.setAttribute(name, v);
		at('cursor').replaceChildren(line);
	};
	const move = e => {
		const box = svg.getBoundingClientRect(), [left, right] = d.place;
		const x = (e.clientX - box.left) / box.width * svg.viewBox.baseVal.width;
		slider.value = 1 + Math.min(d.steps.length - 1, Math.max(0, Math.floor((x - left) / (right - left) * d.steps.length)));
		show(slider.value - 1);
	};
	slider.oninput = () => show(slider.value - 1);
	svg.addEventListener('pointermove', move);
	svg.addEventListener('pointerdown', move);
	at('to-peak').onclick = () => { slider.value = d.peak + 1; show(d.peak); };
	show(d.peak);
}

// ---- the graph after each pass ----
const stepper = async () => {
	const raw = Uint8Array.from(atob(at('stages').textContent), c => c.charCodeAt(0));
	const flat = new Uint8Array(await new Response(new Blob([raw]).stream().pipeThrough(new DecompressionStream('deflate'))).arrayBuffer());
	const head = flat.indexOf(10), utf8 = new TextDecoder();
	const stages = JSON.parse(utf8.decode(flat.subarray(0, head)));
	let start = head + 1;
	for (const s of stages) { s.start = start; start += s.bytes; }
	const lines = s => s.lines || (s.lines = utf8.decode(flat.subarray(s.start, s.start + s.bytes)).replace(/\n$/, '').split('\n'));
	const graphs = [...new Set(stages.map(s => s.graph))];
	const graph = at('graph'), pass = at('pass'), mode = at('mode'), find = at('find'), view = at('graphtext');
	const CONTEXT = 2, PAGE = 400;
	let mine = [];
	const option = (to, value, text) => { const o = make('option', '', text); o.value = value; to.append(o); };

	const flags = (runs, n) => {
		const f = new Uint8Array(n);
		for (let i = 0; i < runs.length; i += 2) f.fill(1, runs[i], runs[i] + runs[i + 1]);
		return f;
	};
	// Rows in reading order: [kind, text, text before]. Kinds: '' same, add, del, chg (same node, other text), mov.
	const rows = i => {
		const s = mine[i], now = lines(s), was = i ? lines(mine[i - 1]) : [];
		if (!i) return now.map(t => ['', t]);
		const changed = flags(s.changed, now.length), moved = flags(s.moved, now.length), from = [], kept = new Uint8Array(was.length), all = [];
		for (let k = 0; k < s.from.length; k += 2)
			for (let j = 0; j < s.from[k + 1]; j++) from.push(s.from[k] < 0 ? -1 : s.from[k] + j);
		for (const f of from) if (f >= 0) kept[f] = 1;
		let old = 0;
		const gone = to => { for (; old < to; old++) if (!kept[old]) all.push(['del', was[old]]); };
		now.forEach((t, j) => {
			if (from[j] >= 0 && !moved[j]) gone(from[j]);
			all.push(from[j] < 0 ? ['add', t] : changed[j] ? ['chg', t, was[from[j]]] : moved[j] ? ['mov', t] : ['', t]);
		});
		gone(was.length);
		return all;
	};
	const sign = {'': ' ', add: '+', del: '-', chg: '~', mov: '>', was: '-'};
	const put = (to, kind, text, words) => {
		const e = make('div', 'g ' + kind, sign[kind] + ' '), hash = text.lastIndexOf(' # ');
		const body = hash < 0 ? text : text.slice(0, hash);
		let done = 0;
		if (words) {
			const low = body.toLowerCase();
			for (let k; (k = low.indexOf(words, done)) >= 0; done = k + words.length)
				e.append(body.slice(done, k), make('mark', '', body.slice(k, k + words.length)));
		}
		e.append(body.slice(done));
		if (hash >= 0) e.append(make('span', 'at', text.slice(hash)));
		to.append(e);
	};
	const more = (to, text, fill, says) => {
		const b = make('button', '', text), hold = make('div');
		b.type = 'button';
		if (says) b.append(make('span', '', says));
		b.onclick = () => { const first = document.createDocumentFragment(), box = make('div'); fill(box); first.append(box); hold.replaceWith(first); box.tabIndex = -1; box.focus(); };
		hold.append(b);
		to.append(hold);
	};
	const list = (to, some, words) => {
		for (const r of some.slice(0, PAGE)) {
			if (r[0] === 'chg' && r[2] !== undefined) put(to, 'was', r[2], words);
			put(to, r[0], r[1], words);
		}
		if (some.length > PAGE) more(to, 'show ' + Math.min(PAGE, some.length - PAGE) + ' of ' + (some.length - PAGE) + ' more', box => list(box, some.slice(PAGE), words));
	};
	// Runs of rows of one kind of interest, folded or open: each a button that opens, or a list.
	const changes = all => {
		const near = new Uint8Array(all.length), parts = [];
		all.forEach((r, i) => { if (r[0]) near.fill(1, Math.max(0, i - CONTEXT), i + CONTEXT + 1); });
		for (let i = 0, end; i < all.length; i = end) {
			for (end = i; end < all.length && near[end] === near[i]; end++);
			parts.push([near[i], all.slice(i, end)]);
		}
		const pour = (to, from) => {
			let shown = 0, p = from;
			for (; p < parts.length && shown < PAGE; p++) {
				const [hot, some] = parts[p];
				if (hot) { list(to, some); shown += Math.min(PAGE, some.length); }
				else { more(to, '… ' + some.length + (some.length === 1 ? ' line' : ' lines') + ' as before', box => list(box, some)); shown++; }
			}
			if (p < parts.length) more(to, 'show more changes', box => pour(box, p));
		};
		if (!all.some(r => r[0])) view.append(make('p', 'empty', 'This pass changed nothing here.'));
		else pour(view, 0);
	};
	const place = t => { const m = / # (\S+:\d+):\d+$/.exec(t); return m ? m[1] : ''; };
	// What the spec says there, from this page.
	const files = [...document.querySelectorAll('.spec .file')].map(e => e.textContent);
	const source = p => {
		const line = at('L' + files.indexOf(p.replace(/:\d+$/, '')) + '-' + p.replace(/^.*:/, ''));
		return line ? line.querySelector('.src').textContent.trim() : '';
	};
	const whole = all => {
		const now = all.filter(r => r[0] !== 'del'), groups = [];
		for (const r of now) {
			const p = place(r[1]), last = groups[groups.length - 1];
			if (last && last[0] === p) last[1].push(r); else groups.push([p, [r]]);
		}
		const small = now.length <= PAGE, pour = (to, from) => {
			let g = from;
			for (; g < groups.length && g < from + PAGE; g++) {
				const [p, some] = groups[g], n = some.filter(r => r[0]).length;
				if (!p || small) list(to, some.map(r => r.slice(0, 2)));
				else more(to, p + ' · ' + some.length + (some.length === 1 ? ' node' : ' nodes') + (n ? ', ' + n + ' of them new, changed or moved' : ''), box => list(box, some.map(r => r.slice(0, 2))), source(p));
			}
			if (g < groups.length) more(to, 'show more of ' + (groups.length - g) + ' groups', box => pour(box, g));
		};
		pour(view, 0);
	};
	const count = (n, one) => '<b>' + n + '</b> ' + one;
	const draw = () => {
		const i = +pass.value, s = mine[i], all = rows(i), words = find.value.trim().toLowerCase();
		at('prev').disabled = i === 0;
		at('next').disabled = i === mine.length - 1;
		at('did').textContent = s.does;
		at('counts').innerHTML = count(s.nodes, 'nodes') + (i ? ': ' + [count(s.added, 'added'), count(s.removed, 'removed'), count(s.edited, 'changed'), count(s.shifted, 'only moved')].join(', ') +
			'. Values are renumbered after each pass; that is no change.' : ', as the front end wrote them');
		view.replaceChildren();
		view.scrollTop = 0;
		if (words) {
			const hits = all.filter(r => r[1].toLowerCase().includes(words));
			if (hits.length) list(view, hits, words);
			else view.append(make('p', 'empty', 'Nothing here contains “' + find.value.trim() + '”.'));
			at('counts').append(' ' + hits.length + (hits.length === 1 ? ' line' : ' lines') + ' found.');
		} else if (i && mode.value === 'changes') changes(all);
		else whole(all);
	};
	// At either end a button goes out of use: the keyboard's focus passes to the other one.
	const go = by => {
		const to = +pass.value + by, one = at(by < 0 ? 'prev' : 'next'), other = at(by < 0 ? 'next' : 'prev');
		if (to < 0 || to >= mine.length) return;
		const held = document.activeElement === one;
		pass.value = to;
		draw();
		if (held && one.disabled) other.focus();
	};
	const choose = () => {
		const before = mine[+pass.value] && mine[+pass.value].pass;
		mine = stages.filter(s => s.graph === graph.value);
		pass.replaceChildren();
		mine.forEach((s, i) => option(pass, i, i + ' ' + s.pass));
		pass.value = Math.max(0, mine.findIndex(s => s.pass === before));
		draw();
	};
	graphs.forEach(g => option(graph, g, g));
	graph.onchange = choose;
	pass.onchange = mode.onchange = draw;
	at('prev').onclick = () => go(-1);
	at('next').onclick = () => go(1);
	let later;
	find.oninput = () => { clearTimeout(later); later = setTimeout(draw, 150); };
	// Arrow keys anywhere in the stepper, except where they mean something already.
	at('stepper').addEventListener('keydown', e => {
		if (e.altKey || e.ctrlKey || e.metaKey || ['SELECT', 'INPUT'].includes(e.target.tagName) || (e.target === view && view.scrollWidth > view.clientWidth)) return;
		if (e.key === 'ArrowLeft') go(-1);
		else if (e.key === 'ArrowRight') go(1);
		else return;
		e.preventDefault();
	});
	choose();
	at('stepper').hidden = false;
	at('no-stepper').hidden = true;
};
if (at('stages') && typeof DecompressionStream === 'function') stepper();
})();
