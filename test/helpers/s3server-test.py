#!/usr/bin/env python3
"""What s3server.py accepts and refuses, asked by a client that shares no line with it. usage: s3server-test.py [CLASS]..."""
import calendar
import hashlib
import hmac
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

sys.dont_write_bytecode = True
import s3request  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
KEY, SECRET = 'AKIAIOSFODNN7EXAMPLE', 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY'
EMPTY = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'


def sign(method, path, query, headers, when, payload, access=KEY, secret=SECRET, day=None, region='us-east-1', service='s3', only=None):
    """The Authorization of a request: path and query as they are sent; all of the headers are signed, or those of `only`."""
    lower = {name.lower(): value for name, value in headers.items()}
    names = sorted(lower if only is None else only)
    day = day or when[:8]
    canonical = method + '\n' + path + '\n' + query + '\n'
    for name in names:
        canonical += name + ':' + lower.get(name, '') + '\n'
    canonical += '\n' + ';'.join(names) + '\n' + payload
    scope = day + '/' + region + '/' + service + '/aws4_request'
    text = 'AWS4-HMAC-SHA256\n' + when + '\n' + scope + '\n' + hashlib.sha256(canonical.encode()).hexdigest()
    day_key = hmac.digest(b'AWS4' + secret.encode(), day.encode(), 'sha256')
    region_key = hmac.digest(day_key, region.encode(), 'sha256')
    service_key = hmac.digest(region_key, service.encode(), 'sha256')
    signing_key = hmac.digest(service_key, b'aws4_request', 'sha256')
    return 'AWS4-HMAC-SHA256 Credential=%s/%s,SignedHeaders=%s,Signature=%s' % (
        access, scope, ';'.join(names), hmac.digest(signing_key, text.encode(), 'sha256').hex())


def contents(path):
    with open(path, 'rb') as file:
        return file.read()


class Reply:
    """What came back on a connection, up to its end or the end of the answer."""

    def __init__(self, peer, method='GET'):
        data, self.reset = b'', False
        self.status, self.headers, self.body, self.whole = None, {}, b'', False
        try:
            while True:
                self.parse(data, method)
                if self.whole:
                    break
                chunk = peer.recv(65536)
                if not chunk:
                    break
                data += chunk
        except ConnectionResetError:
            self.reset = True
        text = self.body.decode('latin-1')
        self.code = text.partition('<Code>')[2].partition('</Code>')[0]

    def parse(self, data, method):
        head, end, self.body = data.partition(b'\r\n\r\n')
        if not end:
            self.body = b''
            return
        lines = head.decode('latin-1').split('\r\n')
        self.status = int(lines[0].split(' ')[1])
        self.headers = {line.partition(': ')[0].lower(): line.partition(': ')[2] for line in lines[1:]}
        if self.status == 100:
            self.parse(self.body, method)
            return
        length = 0 if method == 'HEAD' else int(self.headers.get('content-length', '0'))
        self.whole = len(self.body) >= length


class ServerCase(unittest.TestCase):
    options = []

    @classmethod
    def setUpClass(cls):
        cls.base = tempfile.mkdtemp(prefix='ab-test.', dir='/var/tmp')
        os.makedirs(cls.base + '/root/b')
        cls.start(*cls.options)

    @classmethod
    def start(cls, *options):
        port_file = cls.base + '/port'
        if os.path.exists(port_file):
            os.unlink(port_file)
        cls.errors = open(cls.base + '/err', 'w+')
        cls.process = subprocess.Popen(
            [sys.executable, HERE + '/s3server.py', '--root', cls.base + '/root', '--port-file', port_file, '--log', cls.base + '/log',
             '--faults', cls.base + '/faults', *options], stdin=subprocess.DEVNULL, stdout=cls.errors, stderr=cls.errors)
        until = time.monotonic() + 20
        while not os.path.exists(port_file):
            assert time.monotonic() < until and cls.process.poll() is None, 'the server does not start'
            time.sleep(0.02)
        cls.port = int(contents(port_file))

    @classmethod
    def tearDownClass(cls):
        cls.process.terminate()
        status = cls.process.wait(5)
        cls.errors.seek(0)
        errors = cls.errors.read()
        cls.errors.close()
        log = contents(cls.base + '/log')
        shutil.rmtree(cls.base)
        assert errors == '', errors
        assert status == -signal.SIGTERM, status
        assert SECRET.encode() not in log

    def restart(self, *options):
        self.process.terminate()
        self.process.wait(5)
        self.errors.close()
        self.__class__.start(*options)

    def connect(self):
        peer = socket.create_connection(('127.0.0.1', self.port))
        peer.settimeout(10)
        self.addCleanup(peer.close)
        return peer

    def raw(self, data, method='GET'):
        peer = self.connect()
        try:
            peer.sendall(data)
        except OSError:
            pass
        return Reply(peer, method)

    def data(self, method='GET', path='/b/k', query='', body=b'', headers=None, sent=None, unsigned=(), at=None, payload=None,
             no_length=False, **signing):
        """The bytes of a request. `sent` replaces parts of it after it was signed; `unsigned` headers are left out of the signature."""
        when = time.strftime('%Y%m%dT%H%M%SZ', time.gmtime(time.time() if at is None else at))
        payload = hashlib.sha256(body).hexdigest() if payload is None else payload
        every = {'Host': '127.0.0.1:%d' % self.port, 'x-amz-date': when, 'x-amz-content-sha256': payload, **(headers or {})}
        every = {name: value for name, value in every.items() if value is not None}
        only = [name.lower() for name in every if name.lower() not in unsigned]
        every['Authorization'] = sign(method, path, query, every, when, payload, only=only, **signing)
        if (body or method == 'PUT') and not no_length:
            every['Content-Length'] = str(len(body))
        text = '%s %s HTTP/1.1\r\n%s\r\n' % (method, path + ('?' + query if query else ''),
                                             ''.join('%s: %s\r\n' % pair for pair in every.items()))
        data = text.encode() + body
        for old, new in (sent or {}).items():
            assert old in data, old
            data = data.replace(old, new)
        return data

    def ask(self, method='GET', path='/b/k', **rest):
        return self.raw(self.data(method, path, **rest), method)

    def log(self):
        return [json.loads(line) for line in contents(self.base + '/log').splitlines()]

    def refuses(self, status, code, **request):
        reply = self.ask(**request)
        self.assertEqual((reply.status, reply.code), (status, code), reply.body)
        self.assertNotIn(SECRET.encode(), reply.body)
        last = self.log()[-1]
        self.assertEqual((last['status'], last['code']), (status, code))
        return reply

    def write(self, content, name='k'):
        with open(self.base + '/root/b/' + name, 'wb') as file:
            file.write(content)

    def stored(self, name='k'):
        try:
            return contents(self.base + '/root/b/' + name)
        except FileNotFoundError:
            return None


# The examples of "Signature Calculations for the Authorization Header: Transferring Payload in a Single Chunk".
HOST = 'examplebucket.s3.amazonaws.com'
STAMP = '20130524T000000Z'
PUT_BODY = b'Welcome to Amazon S3.'
PUT_HASH = '44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072'
EXAMPLES = [
    ('GET', '/test.txt', '', {'Host': HOST, 'Range': 'bytes=0-9', 'x-amz-content-sha256': EMPTY, 'x-amz-date': STAMP}, EMPTY,
     'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41'),
    ('PUT', '/test%24file.text', '', {'Host': HOST, 'Date': 'Fri, 24 May 2013 00:00:00 GMT', 'x-amz-date': STAMP,
                                      'x-amz-storage-class': 'REDUCED_REDUNDANCY', 'x-amz-content-sha256': PUT_HASH}, PUT_HASH,
     '98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd'),
    ('GET', '/', 'lifecycle=', {'Host': HOST, 'x-amz-content-sha256': EMPTY, 'x-amz-date': STAMP}, EMPTY,
     'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543'),
    ('GET', '/', 'max-keys=2&prefix=J', {'Host': HOST, 'x-amz-content-sha256': EMPTY, 'x-amz-date': STAMP}, EMPTY,
     '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7'),
]


class Examples(ServerCase):
    options = ['--clock-offset', str(calendar.timegm((2013, 5, 24, 0, 5, 0)) - time.time())]

    def test_the_verifier_makes_the_published_signatures(self):
        for method, path, query, headers, payload, expected in EXAMPLES:
            lower = [(name.lower(), value) for name, value in headers.items()]
            canonical = s3request.canonical_request(method, path + ('?' + query if query else ''), lower,
                                                    sorted(name for name, _ in lower), payload)
            scope = '20130524/us-east-1/s3/aws4_request'
            self.assertEqual(s3request.signature(SECRET, scope, s3request.string_to_sign(STAMP, scope, canonical)), expected)

    def test_so_does_the_signer_of_this_test(self):
        for method, path, query, headers, payload, expected in EXAMPLES:
            self.assertTrue(sign(method, path, query, headers, STAMP, payload).endswith('Signature=' + expected))

    def test_the_server_takes_the_examples_in_their_time(self):
        os.mkdir(self.base + '/root/examplebucket')
        with open(self.base + '/root/examplebucket/test.txt', 'w') as file:
            file.write('0123456789abc')
        replies = []
        for method, path, query, headers, _, expected in EXAMPLES:
            names = ';'.join(sorted(name.lower() for name in headers))
            headers = dict(headers, Authorization='AWS4-HMAC-SHA256 Credential=%s/20130524/us-east-1/s3/aws4_request,SignedHeaders=%s,'
                           'Signature=%s' % (KEY, names, expected))
            body = PUT_BODY if method == 'PUT' else b''
            headers['Content-Length'] = len(body)
            # "?lifecycle" has no "=" on the way, but has one where it is signed.
            text = '%s %s HTTP/1.1\r\n' % (method, path + ('?' + query.removesuffix('=') if query else ''))
            replies.append(self.raw((text + ''.join('%s: %s\r\n' % pair for pair in headers.items()) + '\r\n').encode() + body))
        self.assertEqual([(reply.status, reply.code) for reply in replies],
                         [(206, ''), (200, ''), (501, 'NotImplemented'), (501, 'NotImplemented')])
        self.assertEqual(replies[0].body, b'0123456789')
        self.assertIn('24 May 2013 00:05', replies[0].headers['date'])
        self.assertEqual(contents(self.base + '/root/examplebucket/test%24file.text'), PUT_BODY)
        self.assertTrue(all(entry['signed_ok'] for entry in self.log()))


class Signatures(ServerCase):
    def setUp(self):
        self.write(b'content')

    def test_a_right_one(self):
        self.assertEqual(self.ask().body, b'content')
        self.assertEqual(self.ask(headers={'x-amz-meta-a': 'b', 'x-other': 'a b'}).status, 200)
        self.assertEqual(self.ask(headers={'x-other': 'a b'}, unsigned=['x-other']).status, 200)
        # Runs of spaces are signed as one, and a query in order.
        self.assertEqual(self.ask(headers={'x-other': 'a b'}, sent={b'a b': b'  a   b '}).status, 200)
        other_order = {b'list-type=2&prefix=k': b'prefix=k&list-type=2'}
        self.assertEqual(self.ask(path='/b', query='list-type=2&prefix=k', sent=other_order).status, 200)
        self.assertEqual(self.ask(headers={'Range': 'bytes=0-0'}, unsigned=['range'], sent={b'bytes=0-0': b'bytes=1-1'}).body, b'o')

    def test_wrong_ones(self):
        self.refuses(403, 'SignatureDoesNotMatch', secret='another')
        self.refuses(403, 'SignatureDoesNotMatch', sent={b'GET /b/k ': b'GET /b/l '})
        self.refuses(403, 'SignatureDoesNotMatch', sent={b'GET /b/k ': b'GET /b/k?x-id=1 '})
        self.refuses(403, 'SignatureDoesNotMatch', method='GET', sent={b'GET /': b'DELETE /'})
        self.refuses(403, 'SignatureDoesNotMatch', sent={b'Host: 127': b'Host: 128'})
        self.refuses(403, 'SignatureDoesNotMatch', headers={'x-amz-meta-a': 'b'}, sent={b'meta-a: b': b'meta-a: c'})
        self.refuses(403, 'SignatureDoesNotMatch', headers={'if-match': '*'}, sent={b'if-match: *': b'if-match: 1'})
        self.refuses(403, 'SignatureDoesNotMatch', headers={'x-other': '1'}, sent={b'x-other: 1': b'x-another: 1'})
        self.refuses(403, 'SignatureDoesNotMatch', headers={'x-other': ''}, sent={b'x-other: \r\n': b''})
        self.refuses(403, 'SignatureDoesNotMatch', path='/b', query='list-type=2&prefix=k', sent={b'prefix=k': b'prefix=l'})
        self.refuses(400, 'AuthorizationHeaderMalformed', method='PUT', body=b'x', sent={b'\r\nContent-Length': b'0\r\nContent-Length'})
        self.refuses(403, 'SignatureDoesNotMatch', method='PUT', body=b'x', payload=hashlib.sha256(b'y').hexdigest(),
                     sent={hashlib.sha256(b'y').hexdigest().encode(): hashlib.sha256(b'x').hexdigest().encode()})
        self.assertEqual(self.stored(), b'content')
        self.assertFalse(any(entry['signed_ok'] for entry in self.log() if entry['code'] == 'SignatureDoesNotMatch'))

    def test_wrong_bodies(self):
        self.refuses(400, 'XAmzContentSHA256Mismatch', method='PUT', body=b'abcd', sent={b'\r\nabcd': b'\r\nabce'})
        self.refuses(400, 'XAmzContentSHA256Mismatch', method='PUT', body=b'abcd', payload=EMPTY)
        self.refuses(400, 'BadDigest', method='PUT', body=b'abcd', headers={'Content-MD5': '1B2M2Y8AsgTpgAmY7PhCfg=='})
        self.refuses(400, 'InvalidRequest', method='PUT', body=b'abcd', payload='UNSIGNED-PAYLOAD')
        self.refuses(501, 'NotImplemented', method='PUT', body=b'abcd', payload='STREAMING-AWS4-HMAC-SHA256-PAYLOAD')
        self.refuses(400, 'InvalidArgument', payload='abc')
        self.refuses(400, 'InvalidArgument', payload=EMPTY.upper())
        self.refuses(400, 'InvalidRequest', headers={'x-amz-content-sha256': None})
        self.assertEqual(self.stored(), b'content')

    def test_wrong_times(self):
        now = time.time()
        self.assertEqual(self.ask(at=now - 870).status, 200)
        self.assertEqual(self.ask(at=now + 870).status, 200)
        self.assertIn(b'<MaxAllowedSkewMilliseconds>900000<', self.refuses(403, 'RequestTimeTooSkewed', at=now - 930).body)
        self.refuses(403, 'RequestTimeTooSkewed', at=now + 930)
        self.refuses(400, 'AuthorizationHeaderMalformed', day='20130524')
        self.refuses(403, 'AccessDenied', headers={'x-amz-date': None})
        self.refuses(403, 'AccessDenied', headers={'x-amz-date': 'Fri, 24 May 2013 00:00:00 GMT'})

    def test_wrong_scopes(self):
        reply = self.refuses(400, 'AuthorizationHeaderMalformed', region='eu-west-1')
        self.assertIn(b'<Region>us-east-1</Region>', reply.body)
        self.assertEqual(reply.headers['x-amz-bucket-region'], 'us-east-1')
        self.refuses(400, 'AuthorizationHeaderMalformed', service='ec2')
        self.refuses(403, 'InvalidAccessKeyId', access='AKIAIOSFODNN7EXAMPLF')
        self.refuses(400, 'InvalidToken', headers={'x-amz-security-token': 'token'})

    def test_headers_that_are_not_signed(self):
        for name in ('host', 'x-amz-date', 'x-amz-content-sha256', 'x-amz-meta-a'):
            reply = self.refuses(403, 'AccessDenied', headers={'x-amz-meta-a': 'b'}, unsigned=[name])
            self.assertIn(('<HeadersNotSigned>%s<' % name).encode(), reply.body)
        self.refuses(400, 'AuthorizationHeaderMalformed',
                     sent={b'=host;x-amz-content-sha256': b'=x-amz-content-sha256;host'})

    def test_no_signature(self):
        host = ('Host: 127.0.0.1:%d\r\n' % self.port).encode()
        for authorization, answer in ((b'', (403, 'AccessDenied')), (b'Authorization: Bearer x\r\n', (400, 'InvalidRequest')),
                                      (b'Authorization: AWS k:s\r\n', (400, 'InvalidRequest')),
                                      (b'Authorization: AWS4-HMAC-SHA256 x\r\n', (400, 'AuthorizationHeaderMalformed'))):
            for method in (b'GET', b'PUT', b'DELETE', b'POST'):
                reply = self.raw(method + b' /b/k HTTP/1.1\r\n' + host + authorization + b'Content-Length: 1\r\n\r\nx')
                self.assertEqual((reply.status, reply.code), answer)
        self.assertEqual(self.raw(b'HEAD /b/k HTTP/1.1\r\n' + host + b'\r\n', 'HEAD').status, 403)
        self.assertEqual(self.stored(), b'content')

    def test_session_tokens(self):
        self.restart('--token', 'the-token', '--region', 'eu-central-1')
        try:
            self.assertEqual(self.ask(headers={'x-amz-security-token': 'the-token'}, region='eu-central-1').status, 200)
            self.refuses(400, 'InvalidToken', headers={'x-amz-security-token': 'the-tokem'}, region='eu-central-1')
            self.refuses(403, 'InvalidAccessKeyId', region='eu-central-1')
            self.refuses(403, 'AccessDenied', headers={'x-amz-security-token': 'the-token'}, unsigned=['x-amz-security-token'],
                         region='eu-central-1')
            self.assertNotIn(b'the-token', contents(self.base + '/log'))
        finally:
            self.restart()


class Objects(ServerCase):
    def test_what_is_put_is_there(self):
        body = bytes(range(256)) * 5000
        reply = self.ask('PUT', body=body)
        tag = '"%s"' % hashlib.md5(body).hexdigest()
        self.assertEqual((reply.status, reply.headers['etag'], self.stored()), (200, tag, body))
        reply = self.ask()
        self.assertEqual((reply.status, reply.headers['etag'], reply.body), (200, tag, body))
        reply = self.ask('HEAD')
        self.assertEqual((reply.status, reply.headers['etag'], reply.headers['content-length'], reply.body),
                         (200, tag, str(len(body)), b''))
        self.assertEqual(self.ask('DELETE').status, 204)
        self.assertEqual(self.ask('DELETE').status, 204)
        self.refuses(404, 'NoSuchKey')
        self.assertEqual(self.ask('HEAD').status, 404)
        self.assertEqual(self.ask('PUT').status, 200)
        self.assertEqual(self.stored(), b'')
        last = self.log()[-1]
        self.assertEqual((last['method'], last['path'], last['key'], last['status'], last['bytes']), ('PUT', '/b/k', 'k', 200, 0))

    def test_keys_of_every_kind(self):
        keys = {'/b/a%20b': 'a%20b', '/b/a%2Bb': 'a%2Bb', '/b/%C3%A9': '%C3%A9', '/b/a//b/../c': 'a%2F%2Fb%2F..%2Fc', '/b/.': '%2E',
                '/b/..': '%2E.', '/b/%25': '%25', '/b/~-_.': '~-_.', '/b/a%26%3D%3F%23': 'a%26%3D%3F%23', '/b/%0A': '%0A'}
        for path, name in keys.items():
            self.assertEqual(self.ask('PUT', path, body=path.encode()).status, 200, path)
            self.assertEqual((self.ask('GET', path).body, self.stored(name)), (path.encode(), path.encode()))
        listed = self.ask(path='/b', query='encoding-type=url&list-type=2').body.decode()
        self.assertTrue(all('<Key>%s</Key>' % path[3:] in listed for path in keys), listed)
        for path in keys:
            self.assertEqual(self.ask('DELETE', path).status, 204)
        # Another spelling of a key than that which is signed.
        for path in ('/b/a+b', '/b/a%2bb', '/b/%61', '/b/a%2Fb', '/b/('):
            self.assertEqual((self.ask('GET', path).status), 403, path)
        self.refuses(400, 'InvalidURI', path='/b/a', sent={b'GET /b/a ': b'GET /b/%61 '})
        self.refuses(400, 'InvalidURI', path='/b/%zz')
        self.refuses(400, 'InvalidURI', path='/b/%ff')
        self.refuses(400, 'KeyTooLongError', path='/b/' + 'k' * 241)
        self.refuses(404, 'NoSuchBucket', path='/nobucket/k')
        self.refuses(400, 'InvalidBucketName', path='/../k')
        self.refuses(400, 'InvalidBucketName', path='/.old/k')
        self.refuses(405, 'MethodNotAllowed', method='POST')
        self.refuses(501, 'NotImplemented', query='acl=')

    def test_a_bucket_in_the_host(self):
        self.write(b'here', 'in%2Fhost')
        for host in ('b.localhost', 'b.s3.example.com:99'):
            self.assertEqual(self.ask(path='/in/host', headers={'Host': host}).body, b'here')
        self.assertEqual(self.ask(path='/b/in/host', headers={'Host': 'localhost:1'}).body, b'here')
        self.assertEqual(self.ask('HEAD', '/b').headers['x-amz-bucket-region'], 'us-east-1')

    def test_lists(self):
        for name in ('l%2F1', 'l%2F2', 'l%2Fd%2F1', 'l%2Fd%2F2', 'l%2Fe'):
            self.write(b'x', name)
        body = self.ask(path='/b', query='delimiter=%2F&list-type=2&prefix=l%2F').body.decode()
        self.assertEqual(body.count('<Key>'), 3)
        self.assertEqual(body.count('<CommonPrefixes><Prefix>l/d/</Prefix>'), 1)
        body = self.ask(path='/b', query='list-type=2&max-keys=2&prefix=l%2F').body.decode()
        self.assertIn('<IsTruncated>true</IsTruncated><NextContinuationToken>l/2<', body)
        body = self.ask(path='/b', query='continuation-token=l%2F2&list-type=2&prefix=l%2F').body.decode()
        self.assertEqual((body.count('<Key>'), '<Key>l/d/1<' in body, 'false' in body), (3, True, True))

    def test_ranges_and_conditions_of_a_get(self):
        self.write(b'0123456789')
        tag = '"%s"' % hashlib.md5(b'0123456789').hexdigest()
        for given, body in (('bytes=2-4', b'234'), ('bytes=8-', b'89'), ('bytes=-3', b'789'), ('bytes=5-99', b'56789')):
            reply = self.ask(headers={'Range': given})
            self.assertEqual((reply.status, reply.body), (206, body))
        self.refuses(416, 'InvalidRange', headers={'Range': 'bytes=10-'})
        reply = self.ask(headers={'If-None-Match': tag})
        self.assertEqual((reply.status, reply.body, reply.headers['etag']), (304, b'', tag))
        self.assertEqual(self.ask(headers={'If-None-Match': '"x"'}).status, 200)
        self.assertEqual(self.ask(headers={'If-Match': tag}).status, 200)
        self.refuses(412, 'PreconditionFailed', headers={'If-Match': '"x"'})

    def test_one_connection_many_requests(self):
        peer = self.connect()
        for number in range(5):
            peer.sendall(self.data('PUT', '/b/many-%d' % number, body=b'x' * number))
            self.assertEqual(Reply(peer, 'PUT').status, 200)
        # A refused body is read, and the connection goes on.
        peer.sendall(self.data('PUT', '/b/many', body=b'abcd', payload=EMPTY))
        self.assertEqual(Reply(peer, 'PUT').code, 'XAmzContentSHA256Mismatch')
        peer.sendall(self.data('GET', '/b/many-4'))
        self.assertEqual(Reply(peer).body, b'xxxx')

    def test_expect_100_continue(self):
        data = self.data('PUT', '/b/expected', body=b'abcd', headers={'Expect': '100-continue'})
        peer = self.connect()
        peer.sendall(data[:-4])
        self.assertIn(b'100 Continue', peer.recv(100))
        peer.sendall(data[-4:])
        self.assertEqual((Reply(peer, 'PUT').status, self.stored('expected')), (200, b'abcd'))
        reply = self.raw(self.data('PUT', '/b/expected', body=b'abcd', headers={'Expect': '100-continue'}, secret='wrong')[:-4])
        self.assertEqual(reply.code, 'SignatureDoesNotMatch')


class Conditions(ServerCase):
    def at_once(self, name, count, headers):
        replies = [None] * count

        def put(number):
            replies[number] = self.ask('PUT', body=b'%s %d' % (name, number), headers=headers)
        threads = [threading.Thread(target=put, args=(number,)) for number in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        won = [number for number, reply in enumerate(replies) if reply.status == 200]
        self.assertEqual(len(won), 1)
        self.assertEqual(self.stored(), b'%s %d' % (name, won[0]))
        self.assertEqual({reply.code for reply in replies if reply.status == 412}, {'PreconditionFailed'})
        self.assertEqual(sum(reply.status == 412 for reply in replies), count - 1)
        return replies[won[0]].headers['etag']

    def test_one_of_twenty_wins(self):
        for _ in range(5):
            if self.stored() is not None:
                os.unlink(self.base + '/root/b/k')
            tag = self.at_once(b'first', 20, {'If-None-Match': '*'})
            self.at_once(b'second', 20, {'If-Match': tag})

    def test_if_match(self):
        self.refuses(404, 'NoSuchKey', method='PUT', path='/b/absent', headers={'If-Match': '"x"'})
        self.write(b'1')
        self.refuses(412, 'PreconditionFailed', method='PUT', body=b'2', headers={'If-Match': '"x"'})
        self.assertEqual(self.log()[-1]['conditions'], {'if-match': '"x"'})
        self.refuses(412, 'PreconditionFailed', method='PUT', body=b'2', headers={'If-None-Match': '*'})
        self.refuses(501, 'NotImplemented', method='PUT', body=b'2', headers={'If-None-Match': '"x"'})
        self.refuses(412, 'PreconditionFailed', method='DELETE', headers={'If-Match': '"x"'})
        self.assertEqual(self.stored(), b'1')
        tag = '"%s"' % hashlib.md5(b'1').hexdigest()
        self.assertEqual(self.ask('PUT', body=b'2', headers={'If-Match': tag}).status, 200)

    def test_a_server_that_ignores_them(self):
        self.restart('--ignore-conditions')
        self.addCleanup(self.restart)
        self.write(b'1')
        self.assertEqual(self.ask('PUT', body=b'2', headers={'If-None-Match': '*'}).status, 200)
        self.assertEqual(self.ask('PUT', body=b'3', headers={'If-Match': '"x"'}).status, 200)
        self.assertEqual(self.stored(), b'3')


class Hostile(ServerCase):
    def tearDown(self):
        self.write(b'alive')
        self.assertEqual(self.ask().body, b'alive')

    def test_what_is_no_request(self):
        for data in (b'garbage\r\n\r\n', b'GET\r\n\r\n', b'GET / HTTP/2.0\r\nHost: a\r\n\r\n', b'\x16\x03\x01\x02\x00\x01\r\n\r\n',
                     b'GET /b/k HTTP/1.1\n\n', b'GET /b/k HTTP/1.1\r\n\r\n', b'GET http://a/b HTTP/1.1\r\nHost: a\r\n\r\n',
                     b'GET /b/\xff HTTP/1.1\r\nHost: a\r\n\r\n'):
            self.assertEqual(self.raw(data).status, 400, data)
        for line in (b' folded', b'Host: b', b'no colon', b'Space : a', b'nul: \0', b'bare: a\nb: c', b': a'):
            self.assertEqual(self.raw(b'GET /b/k HTTP/1.1\r\nHost: a\r\n' + line + b'\r\n\r\n').status, 400, line)
        self.assertEqual(self.raw(b'GET /b/k HTTP/1.1\r\nHost: a\r\nx: ' + b'y' * 9000 + b'\r\n\r\n').code, 'RequestHeaderSectionTooLarge')
        self.assertEqual(self.raw(b'G' * 3000000).status, 400)

    def test_lengths(self):
        self.refuses(411, 'MissingContentLength', method='PUT', body=b'', no_length=True)
        self.refuses(501, 'NotImplemented', method='PUT', no_length=True, headers={'Transfer-Encoding': 'chunked'})
        self.refuses(400, 'BadRequest', method='PUT', body=b'x', sent={b'Content-Length: 1': b'Content-Length: -1'})
        self.refuses(400, 'EntityTooLarge', method='PUT', body=b'x', sent={b'Content-Length: 1': b'Content-Length: 9999999999999'})

    def test_clients_that_go(self):
        data = self.data('PUT', '/b/gone', body=b'x' * 1000)
        for length in (0, 1, 100, len(data) - 1000, len(data) - 1):
            peer = self.connect()
            peer.sendall(data[:length])
            peer.close()
        time.sleep(0.1)
        self.assertIsNone(self.stored('gone'))

    def test_noise(self):
        noise = random.Random(7)
        good = self.data('PUT', '/b/noise', body=b'x' * 100)
        for _ in range(200):
            data = bytearray(good if noise.random() < 0.7 else noise.randbytes(noise.randrange(300)))
            for _ in range(noise.randrange(1, 5)):
                if data:
                    data[noise.randrange(len(data) * 3 // 4)] = noise.randrange(256)
            peer = self.connect()
            peer.sendall(data)
            peer.shutdown(socket.SHUT_WR)
            # 200 is for a byte that nobody signed, such as the case of a header's name.
            self.assertIn(Reply(peer).status, (None, 200, 400, 403, 404, 405, 411, 501), bytes(data))
            peer.close()
        self.assertIn(self.stored('noise'), (None, b'x' * 100))


class Faults(ServerCase):
    def setUp(self):
        self.write(b'0123456789')
        self.rules()

    def tearDown(self):
        self.rules()
        self.assertEqual(self.ask('PUT', body=b'1').status, 200)

    def rules(self, *rules):
        with open(self.base + '/faults', 'w') as file:
            file.writelines(json.dumps(dict(rule, id=time.monotonic())) + '\n' for rule in rules)

    def rule(self, do, match='* /b/k', **rest):
        self.rules(dict(rest, match=match, do=do))

    def test_statuses(self):
        for status, code in ((429, 'TooManyRequests'), (500, 'InternalError'), (503, 'SlowDown'), (409, 'ConditionalRequestConflict')):
            self.rule('status:%d' % status, times=2, retry_after=7)
            for _ in range(2):
                reply = self.refuses(status, code, method='PUT', body=b'1')
                self.assertEqual(reply.headers['retry-after'], '7')
            self.assertEqual((self.ask().status, self.stored()), (200, b'0123456789'))
        self.rule('status:301', headers={'Location': 'http://other.example/'}, body='gone', code='PermanentRedirect')
        reply = self.ask()
        self.assertEqual((reply.status, reply.headers['location'], reply.body), (301, 'http://other.example/', b'gone'))
        self.rule('status:503', early=True, times=1)
        self.assertEqual(self.raw(self.data('PUT', body=b'x' * 1000)[:-500], 'PUT').status, 503)
        self.rule('denied', times=1)
        self.refuses(403, 'AccessDenied')
        self.rule('error:ExpiredToken', times=1)
        self.refuses(400, 'ExpiredToken')
        self.assertEqual(self.ask().status, 200)

    def test_which_requests(self):
        self.rules({'match': 'PUT ^/b/k$', 'do': 'status:503', 'after': 1, 'times': 2}, {'match': 'PUT /b/', 'do': 'denied', 'after': 4})
        self.assertEqual([self.ask('PUT', body=b'1').status for _ in range(5)], [200, 503, 503, 200, 403])
        self.assertEqual([self.ask().status, self.ask('PUT', '/b/kk').status], [200, 403])
        # A rule that is added leaves the counts of the others; a wrong signature meets no fault.
        self.rule('status:503', times=1)
        self.refuses(403, 'SignatureDoesNotMatch', secret='wrong')
        self.assertEqual(self.ask().status, 503)
        with open(self.base + '/faults', 'a') as file:
            file.write('{"match":"GET /b/other","do":"denied"}\n')
        self.assertEqual([self.ask().status, self.ask(path='/b/other').status], [200, 403])

    def test_resets(self):
        before, after = b'0123456789', b'1' * 5000
        for fault, stored in (('reset', before), ('truncate-put', before), ('reset-after-body', before), ('lost-answer', after)):
            self.write(before)
            self.rule(fault, times=1)
            reply = self.ask('PUT', body=after)
            self.assertEqual((reply.reset, reply.status, self.stored()), (True, None, stored), fault)
            last = self.log()[-1]
            self.assertEqual((last['fault'], last['status'], last['did']), (fault, None, 200 if fault == 'lost-answer' else None))
            read = {'reset': (0,), 'truncate-put': (2500,)}.get(fault, (5000,))
            self.assertIn(last['bytes_in'], read)

    def test_bodies(self):
        self.rule('short', times=1)
        reply = self.ask()
        self.assertEqual((reply.headers['content-length'], reply.body, reply.whole, reply.reset), ('10', b'01234', False, False))
        self.rule('short', times=1)
        self.assertIsNone(self.ask('PUT', body=b'0123456789').status)
        self.rule('flip', times=1)
        reply = self.ask()
        self.assertEqual((reply.status, reply.body, reply.headers['etag']),
                         (200, b'0123446789', '"%s"' % hashlib.md5(b'0123456789').hexdigest()))
        self.assertEqual(self.ask().body, b'0123456789')

    def test_stale(self):
        self.rule('stale')
        self.assertEqual(self.ask(path='/b/fresh').code, 'NoSuchKey')
        self.ask('PUT', body=b'new')
        reply = self.ask()
        self.assertEqual((reply.body, reply.headers['etag']), (b'0123456789', '"%s"' % hashlib.md5(b'0123456789').hexdigest()))
        self.ask('DELETE')
        self.assertEqual(self.ask().body, b'new')
        self.rules()
        self.assertEqual(self.ask().status, 404)

    def test_waits(self):
        for fault in ('slow:1', 'delay:1'):
            self.rule(fault, times=1)
            self.write(b'before')
            peer, begun = self.connect(), time.monotonic()
            peer.sendall(self.data('PUT', body=b'after'))
            carried_out = fault.startswith('slow')
            while carried_out and self.stored() != b'after' and time.monotonic() < begun + 5:
                time.sleep(0.01)
            peer.settimeout(0.2)
            with self.assertRaises(socket.timeout):
                peer.recv(1)
            self.assertEqual(self.stored(), b'after' if carried_out else b'before')
            peer.settimeout(10)
            self.assertEqual((Reply(peer, 'PUT').status, time.monotonic() - begun >= 1, self.stored()), (200, True, b'after'))

    def test_no_answer(self):
        for fault, received in (('hang', 0), ('stall', 5)):
            self.rule(fault, times=1)
            self.write(b'0123456789')
            peer = self.connect()
            peer.sendall(self.data())
            peer.settimeout(1)
            data = b''
            with self.assertRaises(socket.timeout):
                while True:
                    data += peer.recv(1000)
            self.assertEqual(len(data.partition(b'\r\n\r\n')[2]), received)
            peer.close()
            self.assertEqual(self.ask().status, 200)


class Process(unittest.TestCase):
    def test_it_ends_with_its_parent(self):
        base = tempfile.mkdtemp(prefix='ab-test.', dir='/var/tmp')
        self.addCleanup(shutil.rmtree, base)
        script = 'python3 "$1" --root "$2" --port-file "$2/port" >/dev/null 2>&1 & echo $!; until [ -s "$2/port" ]; do sleep 0.05; done'
        started = subprocess.run(['bash', '-c', script, '-', HERE + '/s3server.py', base], stdout=subprocess.PIPE, check=True, timeout=20)
        pid = int(started.stdout)
        until = time.monotonic() + 5
        while time.monotonic() < until:
            try:
                state = contents('/proc/%d/stat' % pid).rpartition(b') ')[2][:1]
            except FileNotFoundError:
                return
            if state == b'Z':
                return
            time.sleep(0.05)
        self.fail('it lives on')


if __name__ == '__main__':
    unittest.main()
