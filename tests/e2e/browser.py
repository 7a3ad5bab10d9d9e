"""A headless Chromium driven over its debugging pipe: a page opened, keys pressed, expressions evaluated, pictures taken."""
import base64
import json
import os
import shutil
import subprocess
import tempfile
import time

KEYS = {'Tab': 9, 'Enter': 13, ' ': 32, 'End': 35, 'Home': 36, 'ArrowLeft': 37, 'ArrowUp': 38, 'ArrowRight': 39, 'ArrowDown': 40}


class Browser:
    def __init__(self, width=1400, height=900, script=True):
        self.folder = tempfile.mkdtemp()
        to_r, self.to = os.pipe()
        self.back, back_w = os.pipe()

        def wire():  # Chromium reads descriptor 3 and writes descriptor 4
            r, w = os.dup2(to_r, 60), os.dup2(back_w, 61)
            os.dup2(r, 3)
            os.dup2(w, 4)
        self.process = subprocess.Popen(
            ['chromium', '--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--remote-debugging-pipe',
             '--no-first-run', f'--user-data-dir={self.folder}', 'about:blank'],
            preexec_fn=wire, close_fds=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to_r)
        os.close(back_w)
        self.number, self.rest, self.session, self.events = 0, b'', None, []
        target = self.send('Target.createTarget', url='about:blank')['targetId']
        self.session = self.send('Target.attachToTarget', targetId=target, flatten=True)['sessionId']
        for domain in ('Runtime', 'Page', 'Network'):
            self.send(domain + '.enable')
        self.size(width, height)
        if not script:
            self.send('Emulation.setScriptExecutionDisabled', value=True)

    def message(self):
        while b'\0' not in self.rest:
            got = os.read(self.back, 1 << 20)
            if not got:
                raise RuntimeError('chromium went away')
            self.rest += got
        one, self.rest = self.rest.split(b'\0', 1)
        return json.loads(one)

    def send(self, method, **params):
        self.number += 1
        what = {'id': self.number, 'method': method, 'params': params}
        if self.session:
            what['sessionId'] = self.session
        os.write(self.to, json.dumps(what).encode() + b'\0')
        while True:
            m = self.message()
            if m.get('id') == self.number:
                if 'error' in m:
                    raise RuntimeError(f'{method}: {m["error"]}')
                return m['result']
            self.events.append(m)

    def size(self, width, height):
        self.width = width
        self.send('Emulation.setDeviceMetricsOverride', width=width, height=height, deviceScaleFactor=1, mobile=False)

    def scheme(self, name):
        self.send('Emulation.setEmulatedMedia', features=[{'name': 'prefers-color-scheme', 'value': name}])

    def open(self, path):
        self.events.clear()
        self.send('Page.navigate', url='file://' + os.path.abspath(path))
        while not any(e.get('method') == 'Page.loadEventFired' for e in self.events):
            self.events.append(self.message())

    def value(self, expression):
        r = self.send('Runtime.evaluate', expression=expression, returnByValue=True, awaitPromise=True)
        if 'exceptionDetails' in r:
            raise RuntimeError(f'{expression}: {r["exceptionDetails"]}')
        return r['result'].get('value')

    def wait(self, expression, seconds=20):
        end = time.time() + seconds
        while time.time() < end:
            if self.value(expression):
                return True
            time.sleep(0.05)
        return False

    def key(self, name, times=1, shift=False):
        for _ in range(times):
            at = {'key': name, 'code': 'Space' if name == ' ' else name, 'windowsVirtualKeyCode': KEYS[name], 'modifiers': 8 if shift else 0}
            text = {'Enter': '\r', ' ': ' '}.get(name)
            self.send('Input.dispatchKeyEvent', type='keyDown' if text else 'rawKeyDown', **at, **({'text': text} if text else {}))
            self.send('Input.dispatchKeyEvent', type='keyUp', **at)

    def shot(self, path, y=0, height=900):
        clip = {'x': 0, 'y': y, 'width': self.width, 'height': height, 'scale': 1}
        data = self.send('Page.captureScreenshot', format='png', captureBeyondViewport=True, clip=clip)['data']
        with open(path, 'wb') as f:
            f.write(base64.b64decode(data))

    def troubles(self):
        """What went wrong, or was fetched, since the page was opened."""
        found = []
        for e in self.events:
            p = e.get('params', {})
            if e.get('method') == 'Runtime.exceptionThrown':
                found.append('exception: ' + str(p['exceptionDetails'].get('exception', {}).get('description', p['exceptionDetails']['text'])))
            if e.get('method') == 'Network.requestWillBeSent' and not p['request']['url'].startswith(('file:', 'blob:', 'data:')):
                found.append('fetched: ' + p['request']['url'])
        return found

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self.to)
        os.close(self.back)
        shutil.rmtree(self.folder, ignore_errors=True)
