#!/usr/bin/env python3
"""An S3 server on loopback, for tests alone: it verifies every signature, and misbehaves when it is told to.

usage: s3server.py --root DIR --port-file FILE [options]

DIR/BUCKET are the buckets, made by the test; an object is a file in its bucket, named by its percent-encoded key (a leading dot is
%2E), so that a test may read, change and remove it there. ETags are made of the bytes that are there now. DIR/.old keeps the version
before the current one. Buckets are addressed by path (http://127.0.0.1:PORT/BUCKET/KEY) or by host (Host: BUCKET.anything).

Operations: GetObject, HeadObject, PutObject, DeleteObject, ListObjectsV2, HeadBucket; with If-Match, If-None-Match, Range.
Stricter than S3: UNSIGNED-PAYLOAD is refused, x-amz-date and x-amz-content-sha256 must be sent and signed, a path must be sent in the
very spelling that is signed, a key has at most 240 bytes when encoded, and every request has one digest that its body must have.

--log FILE: one JSON line a request, written before the answer is sent: n (order of arrival), method, path (as sent), bucket, key,
status (what the client was told, or null), did (the status of what was carried out, or null), code, bytes_in, bytes_out and their
sum bytes, conditions, headers (names), signed_ok, fault.

--faults FILE, read again when it changes: JSON lines {"match":"METHOD REGEX","do":…,"times":N,"after":K}. METHOD may be *; REGEX is
searched for in /BUCKET/KEY?query, decoded. A rule skips its first K matches and then fires N times (without "times": always); the
first rule that is due fires. Only a request that is rightly signed meets a fault. "do" is
  status:NNN          that status; with "retry_after", "code", "headers" {…}, "body", and "early" (before the body is read)
  error:CODE          that error as S3 gives it          denied             error:AccessDenied
  reset               RST before the body is read        truncate-put       RST in the middle of the body
  reset-after-body    RST, nothing carried out           lost-answer        carried out, then RST
  short               half of the body, then the end     stall              half of the body, then nothing more
  flip                one byte of the body is another    stale              the version before (GET, HEAD), if there is one
  slow:SECONDS        carried out, answered later        delay:SECONDS      carried out and answered later
  hang                no answer until the client goes
"""
import argparse
import ctypes
import email.utils
import hashlib
import itertools
import json
import os
import re
import signal
import socket
import struct
import sys
import threading
import time
import traceback
from urllib.parse import quote, unquote_to_bytes
from xml.sax.saxutils import escape

sys.dont_write_bytecode = True  # the sources stay as they are
from s3request import STATUS, Refused, Request, check_digests, verify  # noqa: E402

HEAD_BYTES = 8192  # as S3
IDLE_SECONDS = 30
KEY_BYTES = 240  # a file name has 255

# The code that goes with a status alone.
USUAL_CODE = {400: 'BadRequest', 403: 'AccessDenied', 404: 'NoSuchKey', 409: 'ConditionalRequestConflict', 412: 'PreconditionFailed',
              429: 'TooManyRequests', 500: 'InternalError', 501: 'NotImplemented', 503: 'SlowDown'}
FAULTS = {'status', 'error', 'denied', 'reset', 'truncate-put', 'reset-after-body', 'lost-answer', 'short', 'stall', 'flip', 'stale',
          'slow', 'delay', 'hang'}


class Gone(Exception):
    """The client went away."""


class Answer:
    def __init__(self, status, headers=None, body=b'', code=None):
        self.status, self.headers, self.body, self.code = status, headers or {}, body, code


class Store:
    """Objects as files. A condition and what it permits are one step, under the bucket's lock."""

    def __init__(self, options):
        self.root, self.options = options.root, options
        self.locks, self.serial = {}, itertools.count(1)

    def operate(self, request, body, stale):
        if not re.fullmatch(r'[a-z0-9][a-z0-9.-]{0,62}', request.bucket):
            if request.bucket == '':
                raise Refused('NotImplemented', 'Buckets are not listed.')
            raise Refused('InvalidBucketName', 'The specified bucket is not valid.', {'BucketName': request.bucket})
        if request.method not in ('GET', 'HEAD', 'PUT', 'DELETE'):
            raise Refused('MethodNotAllowed', 'The specified method is not allowed against this resource.',
                          {'Method': request.method}, {'Allow': 'GET, HEAD, PUT, DELETE'})
        directory = os.path.join(self.root, request.bucket)
        if not os.path.isdir(directory):
            raise Refused('NoSuchBucket', 'The specified bucket does not exist', {'BucketName': request.bucket})
        query = dict(part.partition('=')[::2] for part in request.query.split('&') if part)
        with self.locks.setdefault(request.bucket, threading.Lock()):
            if request.key == '':
                return self.bucket(request, directory, query)
            if set(query) - {'x-id'}:
                raise Refused('NotImplemented', 'A parameter you provided implies functionality that is not implemented.')
            name = quote(request.key.encode(), safe='')
            name = '%2E' + name[1:] if name[0] == '.' else name
            if len(request.key.encode()) > 1024 or len(name) > KEY_BYTES:
                raise Refused('KeyTooLongError', 'Your key is too long')
            path, old = os.path.join(directory, name), os.path.join(self.root, '.old', request.bucket, name)
            if request.method == 'PUT':
                return self.put(request, body, path, old)
            if request.method == 'DELETE':
                return self.delete(request, path, old)
            return self.get(request, old if stale and os.path.exists(old) else path)

    @staticmethod
    def read(path):
        try:
            with open(path, 'rb') as file:
                return file.read()
        except FileNotFoundError:
            return None

    @staticmethod
    def etag(content):
        return '"%s"' % hashlib.md5(content).hexdigest()

    def matches(self, condition, content):
        if content is None:
            return False
        listed = [tag.strip().removeprefix('W/').strip('"') for tag in condition.split(',')]
        return '*' in listed or self.etag(content).strip('"') in listed

    @staticmethod
    def failed(condition):
        return Refused('PreconditionFailed', 'At least one of the pre-conditions you specified did not hold', {'Condition': condition})

    @staticmethod
    def no_key(request):
        return Refused('NoSuchKey', 'The specified key does not exist.', {'Key': request.key})

    def check_write(self, request, path):
        """Before a write: what is there, after the conditions were looked at."""
        there = self.read(path)
        if self.options.ignore_conditions:
            return there
        unless, only = request.get('if-none-match'), request.get('if-match')
        if unless is not None and (unless != '*' or only is not None or request.method != 'PUT'):
            raise Refused('NotImplemented', 'A header you provided implies functionality that is not implemented.',
                          {'Header': 'If-None-Match'})
        if unless is not None and there is not None:
            raise self.failed('If-None-Match')
        if only is not None and there is None:
            raise self.no_key(request)
        if only is not None and not self.matches(only, there):
            raise self.failed('If-Match')
        return there

    def keep(self, path, old):
        os.makedirs(os.path.dirname(old), exist_ok=True)
        temporary = '%s.%%%d' % (old, next(self.serial))
        os.link(path, temporary)
        os.rename(temporary, old)

    def put(self, request, body, path, old):
        there = self.check_write(request, path)
        if there is not None:
            self.keep(path, old)
        os.makedirs(self.root + '/.new', exist_ok=True)
        temporary = '%s/.new/%d' % (self.root, next(self.serial))
        with open(temporary, 'wb') as file:
            file.write(body)
        os.rename(temporary, path)
        return Answer(200, {'ETag': self.etag(body)})

    def delete(self, request, path, old):
        if self.check_write(request, path) is not None:
            self.keep(path, old)
            os.unlink(path)
        return Answer(204)

    def get(self, request, path):
        content = self.read(path)
        if content is None:
            raise self.no_key(request)
        changed = os.stat(path).st_mtime + self.options.clock_offset
        headers = {'ETag': self.etag(content), 'Last-Modified': email.utils.formatdate(changed, usegmt=True), 'Accept-Ranges': 'bytes',
                   'Content-Type': 'binary/octet-stream'}
        only, unless = request.get('if-match'), request.get('if-none-match')
        if only is not None and not self.matches(only, content):
            raise self.failed('If-Match')
        if unless is not None and self.matches(unless, content):
            return Answer(304, {'ETag': headers['ETag']}, code='NotModified')
        status, size = 200, len(content)
        found = re.fullmatch(r'bytes=([0-9]*)-([0-9]*)', request.get('range') or '')
        if found and (found[1] or found[2]):
            first = int(found[1]) if found[1] else max(size - int(found[2]), 0)
            last = min(int(found[2]), size - 1) if found[1] and found[2] else size - 1
            if first > last:
                raise Refused('InvalidRange', 'The requested range is not satisfiable', {'ActualObjectSize': str(size)},
                              {'Content-Range': 'bytes */%d' % size})
            headers['Content-Range'] = 'bytes %d-%d/%d' % (first, last, size)
            status, content = 206, content[first:last + 1]
        return Answer(status, headers, content)

    def bucket(self, request, directory, query):
        if request.method == 'HEAD' and not query:
            return Answer(200, {'x-amz-bucket-region': self.options.region})
        if request.method != 'GET':
            raise Refused('MethodNotAllowed', 'The test makes and removes the buckets.', {'Method': request.method})
        if query.get('list-type') != '2':
            raise Refused('NotImplemented', 'Only ListObjectsV2 lists.')
        query = {name: unquote_to_bytes(value).decode() for name, value in query.items()}
        prefix, delimiter = query.get('prefix', ''), query.get('delimiter', '')
        if not re.fullmatch(r'[0-9]{1,9}', query.get('max-keys', '1000')):
            raise Refused('InvalidArgument', 'Provided max-keys not an integer or within integer range')
        most = min(int(query.get('max-keys', '1000')), 1000)
        after = query.get('continuation-token', query.get('start-after', ''))
        show = (lambda text: quote(text)) if query.get('encoding-type') == 'url' else escape
        # S3 orders by the bytes of UTF-8, as Python orders code points.
        entries = {}
        for key in sorted(unquote_to_bytes(name).decode() for name in os.listdir(directory)):
            if key.startswith(prefix):
                rest = key[len(prefix):]
                group = prefix + rest.partition(delimiter)[0] + delimiter if delimiter and delimiter in rest else None
                if (group or key) > after:
                    entries.setdefault(group or key, group is not None)
        chosen = list(entries.items())[:most]
        parts = ['<Name>%s</Name><Prefix>%s</Prefix><KeyCount>%d</KeyCount><MaxKeys>%d</MaxKeys><IsTruncated>%s</IsTruncated>' % (
            request.bucket, show(prefix), len(chosen), most, 'true' if chosen and len(entries) > most else 'false')]
        if chosen and len(entries) > most:
            parts.append('<NextContinuationToken>%s</NextContinuationToken>' % escape(chosen[-1][0]))
        for key, is_group in chosen:
            if is_group:
                parts.append('<CommonPrefixes><Prefix>%s</Prefix></CommonPrefixes>' % show(key))
                continue
            path = os.path.join(directory, re.sub(r'^\.', '%2E', quote(key, safe='')))
            content, changed = self.read(path) or b'', os.stat(path).st_mtime + self.options.clock_offset
            parts.append('<Contents><Key>%s</Key><LastModified>%s</LastModified><ETag>%s</ETag><Size>%d</Size></Contents>' % (
                show(key), time.strftime('%Y-%m-%dT%H:%M:%S.000Z', time.gmtime(changed)), escape(self.etag(content)), len(content)))
        body = '<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">%s' \
            '</ListBucketResult>' % ''.join(parts)
        return Answer(200, {'Content-Type': 'application/xml'}, body.encode())


class Faults:
    """The rules in force. A rule keeps its counts as long as its very line stays in the file."""

    def __init__(self, path):
        self.path, self.stamp, self.rules, self.counts, self.lock = path, None, [], {}, threading.Lock()

    def load(self):
        try:
            state = os.stat(self.path)
            stamp = (state.st_ino, state.st_size, state.st_mtime_ns)
            if stamp == self.stamp:
                return
            with open(self.path, encoding='utf-8') as file:
                lines = file.read().splitlines()
        except FileNotFoundError:
            stamp, lines = None, []
        self.rules = []
        for number, line in enumerate(lines):
            if line.strip():
                rule = json.loads(line)
                rule['method'], _, expression = rule['match'].partition(' ')
                rule['expression'] = re.compile(expression)
                rule['kind'], _, rule['value'] = rule['do'].partition(':')
                if rule['kind'] not in FAULTS or (rule['kind'] == 'error' and rule['value'] not in STATUS):
                    raise ValueError('no such fault: ' + rule['do'])
                if rule['kind'] in ('status', 'slow', 'delay'):
                    float(rule['value'])
                rule['identity'] = (line, lines[:number].count(line))
                self.rules.append(rule)
        self.counts = {rule['identity']: self.counts.get(rule['identity'], [0, 0]) for rule in self.rules}
        self.stamp = stamp

    def pick(self, request):
        """The rule that fires, if any; every rule counts its matches."""
        if not self.path:
            return None
        fires = None
        with self.lock:
            self.load()
            for rule in self.rules:
                if rule['method'] in ('*', request.method) and rule['expression'].search(request.name):
                    count = self.counts[rule['identity']]
                    count[0] += 1
                    if not fires and count[0] > rule.get('after', 0) and ('times' not in rule or count[1] < rule['times']):
                        count[1] += 1
                        fires = rule
        return fires


class Connection:
    def __init__(self, peer, server):
        self.peer, self.server, self.options, self.pending = peer, server, server.options, b''
        self.close_after = False

    def receive(self):
        try:
            chunk = self.peer.recv(1 << 16)
        except OSError as error:
            raise Gone() from error
        if not chunk:
            raise Gone()
        return chunk

    def read_head(self):
        """The head without its last line ends, or None when there are no more requests."""
        while b'\r\n\r\n' not in self.pending:
            if len(self.pending) > HEAD_BYTES:
                raise Refused('RequestHeaderSectionTooLarge', 'Your request header and query-string parameters exceed the maximum size.')
            if b'\n' in self.pending and b'\r\n' not in self.pending:
                raise Refused('BadRequest', 'That is no request line.')
            try:
                self.pending += self.receive()
            except Gone:
                if self.pending:
                    raise
                return None
        head, _, self.pending = self.pending.partition(b'\r\n\r\n')
        if len(head) > HEAD_BYTES:
            raise Refused('RequestHeaderSectionTooLarge', 'Your request header and query-string parameters exceed the maximum size.')
        return head

    def read_body(self, request, length, entry):
        if length and self.version_continues(request) and not self.pending:
            self.send(b'HTTP/1.1 100 Continue\r\n\r\n')
        chunks, self.pending = [self.pending[:length]], self.pending[length:]
        entry['bytes_in'] = len(chunks[0])
        while entry['bytes_in'] < length:
            chunk = self.receive()
            wanted = length - entry['bytes_in']
            chunks.append(chunk[:wanted])
            entry['bytes_in'] += len(chunks[-1])
            self.pending = chunk[wanted:]
        return b''.join(chunks)

    @staticmethod
    def version_continues(request):
        return request.version == 'HTTP/1.1' and (request.get('expect') or '').lower() == '100-continue'

    def send(self, data):
        try:
            self.peer.sendall(data)
        except OSError as error:
            raise Gone() from error

    def reset(self):
        self.peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        raise Gone()

    def linger(self, seconds=5):
        """Reads on until the client has seen the end: a close with bytes unread would be a reset, and take the answer away."""
        try:
            self.peer.shutdown(socket.SHUT_WR)
            self.peer.settimeout(seconds)
            until = time.monotonic() + seconds
            while self.peer.recv(1 << 16) and time.monotonic() < until:
                pass
        except OSError:
            pass

    def await_end(self):
        self.peer.settimeout(None)
        while True:
            self.receive()

    def run(self):
        try:
            self.peer.settimeout(IDLE_SECONDS)
            self.peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while not self.close_after and self.serve():
                pass
            self.linger()
        except (Gone, ConnectionError):
            pass
        finally:
            self.peer.close()

    def serve(self):
        """One request; false when there was none."""
        entry = {'n': None, 'method': None, 'path': None, 'bucket': None, 'key': None, 'status': None, 'did': None,
                 'code': None, 'bytes_in': 0, 'bytes_out': 0, 'conditions': {}, 'headers': [], 'signed_ok': False, 'fault': None}
        identity = '%016X' % next(self.server.identities)
        request = rule = None
        self.close_after = True  # until the body is read
        try:
            head = self.read_head()
            if head is None:
                return False
            entry['n'] = next(self.server.serial)
            request = self.parse(head, entry)
            payload = verify(request, self.options, self.server.now())
            entry['signed_ok'] = True
            length = request.length()
            if length > self.options.max_put:
                raise Refused('EntityTooLarge', 'Your proposed upload exceeds the maximum allowed size',
                              {'ProposedSize': str(length), 'MaxSizeAllowed': str(self.options.max_put)})
            rule = self.server.faults.pick(request)
            entry['fault'] = rule and rule['do']
            answer = self.carry_out(request, payload, length, rule or {'kind': None}, entry)
        except Refused as refused:
            if refused.code == 'XAmzContentSHA256Mismatch':
                entry['signed_ok'] = False
            answer = self.error(refused, request, identity)
        except Gone:
            entry['code'] = entry['code'] or 'ClientGone'
            self.server.log(entry)
            raise
        except Exception:
            # The test must see it: what is on stderr fails stop_s3.
            traceback.print_exc()
            answer = self.error(Refused('InternalError', 'The test server itself failed.'), request, identity)
        self.answer(answer, request, rule or {'kind': None}, entry, identity)
        return True

    def parse(self, head, entry):
        request = None
        try:
            request = Request(head)
        except Refused:
            words = head.split(b'\r\n')[0].decode('latin-1').split(' ')
            entry['method'], entry['path'] = words[0][:32], ' '.join(words[1:-1])
            raise
        entry.update(method=request.method, path=request.target, bucket=request.bucket, key=request.key,
                     headers=sorted(name for name, _ in request.headers),
                     conditions={name: value for name, value in request.headers if name in ('if-match', 'if-none-match', 'range')})
        return request

    def carry_out(self, request, payload, length, rule, entry):
        kind, value = rule['kind'], rule.get('value')
        if kind == 'reset':
            self.logged_reset(entry)
        if kind == 'truncate-put':
            self.read_body(request, length // 2, entry)
            self.logged_reset(entry)
        if kind == 'status' and rule.get('early'):
            return self.told(rule)
        body = self.read_body(request, length, entry)
        self.close_after = not request.keeps_alive()
        check_digests(request, payload, body)
        if kind == 'status':
            return self.told(rule)
        if kind in ('error', 'denied'):
            raise Refused(value or 'AccessDenied', 'The test wants it so.')
        if kind == 'reset-after-body':
            self.logged_reset(entry)
        if kind == 'hang':
            self.server.log(entry)
            entry['logged'] = True
            self.await_end()
        if kind == 'delay':
            time.sleep(float(value))
        answer = self.server.store.operate(request, body, kind == 'stale')
        entry['did'] = answer.status
        if kind == 'lost-answer':
            self.logged_reset(entry)
        return answer

    def logged_reset(self, entry):
        self.server.log(entry)
        entry['logged'] = True
        self.reset()

    @staticmethod
    def told(rule):
        status = int(rule['value'])
        code = rule.get('code', USUAL_CODE.get(status))
        headers = dict(rule.get('headers', {}))
        if 'retry_after' in rule:
            headers['Retry-After'] = str(rule['retry_after'])
        body = rule.get('body')
        if body is None:
            body = '' if status < 400 else '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>%s</Code><Message>The test wants it so.' \
                '</Message><RequestId>0</RequestId></Error>' % escape(code or 'Unknown')
        return Answer(status, headers, body.encode(), code)

    @staticmethod
    def error(refused, request, identity):
        elements = [('Code', refused.code), ('Message', refused.message), *refused.elements.items(),
                    ('Resource', request.path if request else ''), ('RequestId', identity), ('HostId', 's3server')]
        text = ''.join('<%s>%s</%s>' % (name, escape(re.sub(r'[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]', '?', value)), name)
                       for name, value in elements)
        body = '<?xml version="1.0" encoding="UTF-8"?>\n<Error>%s</Error>' % text
        return Answer(STATUS[refused.code], dict(refused.headers, **{'Content-Type': 'application/xml'}), body.encode(), refused.code)

    def answer(self, answer, request, rule, entry, identity):
        body = b'' if (request and request.method == 'HEAD') or answer.status in (204, 304) else answer.body
        kind = rule['kind']
        if kind == 'flip' and body:
            middle = len(body) // 2
            body = body[:middle] + bytes([body[middle] ^ 1]) + body[middle + 1:]
        headers = {'Date': email.utils.formatdate(self.server.now(), usegmt=True), 'x-amz-request-id': identity, 'Server': 's3server',
                   **answer.headers}
        if answer.status not in (204, 304):
            headers['Content-Length'] = str(len(answer.body))
        if self.close_after:
            headers['Connection'] = 'close'
        head = 'HTTP/1.1 %d %s\r\n%s\r\n' % (answer.status, answer.code or 'OK',
                                             ''.join('%s: %s\r\n' % pair for pair in headers.items()))
        data = head.encode('latin-1') + body
        if kind in ('short', 'stall'):
            # An answer without a body breaks off in its head.
            data = data[:len(data) - len(body) + len(body) // 2] if body else data[:len(head) // 2]
            body = body[:len(body) // 2]
            self.close_after = True
        entry.update(status=answer.status, code=answer.code, bytes_out=len(body))
        self.server.log(entry)
        if kind == 'slow':
            time.sleep(float(rule['value']))
        self.send(data)
        if kind == 'stall':
            self.await_end()


class Server:
    def __init__(self, options):
        self.options, self.serial, self.identities = options, itertools.count(1), itertools.count(1)
        self.store, self.faults = Store(options), Faults(options.faults)
        self.log_file = os.open(options.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644) if options.log else None
        self.listener = socket.create_server(('127.0.0.1', 0), backlog=128)

    def now(self):
        return time.time() + self.options.clock_offset

    def log(self, entry):
        if self.log_file is not None and not entry.pop('logged', False):
            entry['n'] = entry['n'] or next(self.serial)
            entry['bytes'] = entry['bytes_in'] + entry['bytes_out']
            os.write(self.log_file, json.dumps(entry).encode() + b'\n')

    def run(self):
        temporary = self.options.port_file + '.new'
        with open(temporary, 'w') as file:
            file.write('%d\n' % self.listener.getsockname()[1])
        os.rename(temporary, self.options.port_file)
        while True:
            try:
                peer, _ = self.listener.accept()
            except ConnectionError:
                continue
            threading.Thread(target=Connection(peer, self).run, daemon=True).start()


def main():
    parser = argparse.ArgumentParser(usage=__doc__.partition('\n\n')[2].partition('\n\n')[0].removeprefix('usage: '))
    parser.add_argument('--root', required=True)
    parser.add_argument('--port-file', required=True)
    parser.add_argument('--clock-offset', type=float, default=0)
    # The pair of Amazon's examples: with a slash in it, and nobody's.
    parser.add_argument('--access-key', default='AKIAIOSFODNN7EXAMPLE')
    parser.add_argument('--secret', default='wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY')
    parser.add_argument('--token')
    parser.add_argument('--region', default='us-east-1')
    parser.add_argument('--log')
    parser.add_argument('--faults')
    parser.add_argument('--ignore-conditions', action='store_true', help='of writes, as some servers do')
    parser.add_argument('--max-put', type=int, default=1 << 30)
    options = parser.parse_args()
    # Nothing that a test has started outlives it.
    parent = os.getppid()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)
    if os.getppid() != parent:
        sys.exit(1)
    Server(options).run()


if __name__ == '__main__':
    main()
