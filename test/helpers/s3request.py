"""For s3server.py: a request's head, and whether it is rightly signed (AWS Signature Version 4)."""
import base64
import binascii
import calendar
import hashlib
import hmac
import re
import time
from urllib.parse import quote, unquote_to_bytes

ALGORITHM = 'AWS4-HMAC-SHA256'
SKEW_SECONDS = 900
STATUS = {
    'NotModified': 304,
    'AuthorizationHeaderMalformed': 400, 'BadDigest': 400, 'BadRequest': 400, 'EntityTooLarge': 400, 'ExpiredToken': 400,
    'IncompleteBody': 400, 'InvalidArgument': 400, 'InvalidBucketName': 400, 'InvalidDigest': 400, 'InvalidRequest': 400,
    'InvalidToken': 400, 'InvalidURI': 400, 'KeyTooLongError': 400, 'RequestHeaderSectionTooLarge': 400, 'RequestTimeout': 400,
    'XAmzContentSHA256Mismatch': 400,
    'AccessDenied': 403, 'InvalidAccessKeyId': 403, 'RequestTimeTooSkewed': 403, 'SignatureDoesNotMatch': 403,
    'NoSuchBucket': 404, 'NoSuchKey': 404, 'MethodNotAllowed': 405, 'ConditionalRequestConflict': 409, 'OperationAborted': 409,
    'MissingContentLength': 411, 'PreconditionFailed': 412, 'InvalidRange': 416, 'TooManyRequests': 429,
    'InternalError': 500, 'NotImplemented': 501, 'ServiceUnavailable': 503, 'SlowDown': 503,
}


class Refused(Exception):
    """An answer that S3 gives as an error: its code, a message, more XML elements, more headers."""

    def __init__(self, code, message, elements=None, headers=None):
        super().__init__(code)
        self.code, self.message, self.elements, self.headers = code, message, elements or {}, headers or {}


# Signature Version 4, as "Signature Calculations for the Authorization Header" has it.

def canonical_path(path):
    """The path, encoded once and not normalised, from its raw bytes."""
    return quote(unquote_to_bytes(path), safe='/')


def canonical_query(query):
    pairs = [part.partition(b'=')[::2] for part in query.split(b'&') if part]
    return '&'.join('%s=%s' % pair for pair in sorted((quote(unquote_to_bytes(k), safe=''), quote(unquote_to_bytes(v), safe=''))
                                                      for k, v in pairs))


def canonical_request(method, target, headers, signed, payload):
    """headers: pairs as sent; signed: lower-case names in order; payload: the digest that the client declared."""
    path, _, query = target.encode('latin-1').partition(b'?')
    lines = [method, canonical_path(path), canonical_query(query)]
    for name in signed:
        lines.append(name + ':' + ','.join(re.sub(' +', ' ', value) for key, value in headers if key == name))
    return '\n'.join(lines + ['', ';'.join(signed), payload])


def string_to_sign(stamp, scope, canonical):
    return '\n'.join([ALGORITHM, stamp, scope, hashlib.sha256(canonical.encode('latin-1')).hexdigest()])


def signature(secret, scope, to_sign):
    key = ('AWS4' + secret).encode()
    for part in scope.split('/'):
        key = hmac.new(key, part.encode('latin-1'), hashlib.sha256).digest()
    return hmac.new(key, to_sign.encode('latin-1'), hashlib.sha256).hexdigest()


class Request:
    """A request's head, from its raw bytes."""

    def __init__(self, head):
        lines = head.decode('latin-1').split('\r\n')
        words = lines[0].split(' ')
        self.method = self.target = None
        if len(words) != 3 or not re.fullmatch(r"[A-Z][A-Za-z0-9_-]{0,31}", words[0]) or words[2] not in ('HTTP/1.0', 'HTTP/1.1'):
            raise Refused('BadRequest', 'That is no request line.')
        self.method, self.target, self.version = words
        self.headers = []
        for line in lines[1:]:
            name, colon, value = line.partition(':')
            # A continued line, too, is refused: whoever reads it otherwise sees another request.
            if not colon or not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name) or re.search(r'[\x00-\x08\x0a-\x1f\x7f]', value):
                raise Refused('BadRequest', 'That is no header line.')
            self.headers.append((name.lower(), value.strip(' \t')))
        for name in ('host', 'content-length', 'authorization', 'x-amz-date', 'x-amz-content-sha256', 'if-match', 'if-none-match'):
            if sum(key == name for key, _ in self.headers) > 1:
                raise Refused('BadRequest', 'There is more than one header ' + name + '.')
        if re.search(r'[^\x21-\x7e]', self.target) or not self.target.startswith('/') or '#' in self.target:
            raise Refused('InvalidURI', 'Couldn\'t parse the specified URI.')
        if re.search(r'%(?![0-9A-Fa-f]{2})', self.target):
            raise Refused('InvalidURI', 'Couldn\'t parse the specified URI.')
        self.path, _, self.query = self.target.partition('?')
        if not self.has('host'):
            raise Refused('BadRequest', 'There is no Host header.')
        self.find_object()

    def has(self, name):
        return any(key == name for key, _ in self.headers)

    def get(self, name):
        return next((value for key, value in self.headers if key == name), None)

    def find_object(self):
        host = self.get('host').partition(':')[0]
        label = host.partition('.')[0]
        try:
            decoded = unquote_to_bytes(self.path).decode()
        except UnicodeDecodeError:
            raise Refused('InvalidURI', 'Couldn\'t parse the specified URI.') from None
        if label == host or label == 's3' or re.fullmatch(r'[0-9.]+', host):
            self.bucket, _, self.key = decoded[1:].partition('/')
        else:
            self.bucket, self.key = label, decoded[1:]
        self.name = '/%s/%s' % (self.bucket, self.key) + ('?' + self.query if self.query else '')

    def keeps_alive(self):
        return self.version == 'HTTP/1.1' and 'close' not in (self.get('connection') or '').lower()

    def length(self):
        if self.has('transfer-encoding'):
            raise Refused('NotImplemented', 'A header you provided implies functionality that is not implemented.',
                          {'Header': 'Transfer-Encoding'})
        value = self.get('content-length')
        if value is None:
            if self.method == 'PUT':
                raise Refused('MissingContentLength', 'You must provide the Content-Length HTTP header.')
            return 0
        if not re.fullmatch(r'[0-9]{1,18}', value):
            raise Refused('BadRequest', 'That is no Content-Length.')
        return int(value)


def malformed(message, **elements):
    return Refused('AuthorizationHeaderMalformed', 'The authorization header is malformed; ' + message, elements)


def verify(request, options, now):
    """Refuses what is not rightly signed; the digest that the body must have."""
    given = request.get('authorization')
    if given is None:
        raise Refused('AccessDenied', 'Access Denied')
    if not given.startswith(ALGORITHM):
        raise Refused('InvalidRequest', 'The authorization mechanism you have provided is not supported. Please use %s.' % ALGORITHM)
    found = re.fullmatch(ALGORITHM + r' +Credential=([^,\s]+), *SignedHeaders=([^,\s]+), *Signature=([0-9a-f]{64})', given)
    parts = found[1].split('/') if found else []
    if len(parts) != 5:
        raise malformed('it is not Credential=KEY/DATE/REGION/SERVICE/aws4_request, SignedHeaders=..., Signature=...')
    access_key, day, region, service, last = parts
    scope = '/'.join(parts[1:])
    stamp = request.get('x-amz-date')
    try:
        if not re.fullmatch(r'[0-9]{8}T[0-9]{6}Z', stamp or ''):
            raise ValueError
        moment = calendar.timegm(time.strptime(stamp, '%Y%m%dT%H%M%SZ'))
    except ValueError:
        raise Refused('AccessDenied', 'AWS authentication requires a valid Date or x-amz-date header') from None
    if not re.fullmatch(r'[0-9]{8}', day) or day != stamp[:8]:
        raise malformed('the credential date "%s" is not that of x-amz-date, "%s".' % (day, stamp))
    if region != options.region:
        refused = malformed('the region \'%s\' is wrong; expecting \'%s\'' % (region, options.region), Region=options.region)
        refused.headers['x-amz-bucket-region'] = options.region
        raise refused
    if service != 's3' or last != 'aws4_request':
        raise malformed('it is for "%s/%s"; this endpoint belongs to "s3/aws4_request".' % (service, last))
    if access_key != options.access_key:
        raise Refused('InvalidAccessKeyId', 'The AWS Access Key Id you provided does not exist in our records.',
                      {'AWSAccessKeyId': access_key})
    token = request.get('x-amz-security-token')
    if options.token and token is None:
        # So does S3 for a temporary key that comes alone.
        raise Refused('InvalidAccessKeyId', 'The AWS Access Key Id you provided does not exist in our records.',
                      {'AWSAccessKeyId': access_key})
    if not hmac.compare_digest((token or '').encode('latin-1'), (options.token or '').encode()):
        raise Refused('InvalidToken', 'The provided token is malformed or otherwise invalid.')
    if abs(moment - now) > SKEW_SECONDS:
        raise Refused('RequestTimeTooSkewed', 'The difference between the request time and the current time is too large.',
                      {'RequestTime': stamp, 'ServerTime': time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(now)),
                       'MaxAllowedSkewMilliseconds': str(SKEW_SECONDS * 1000)})
    payload = request.get('x-amz-content-sha256')
    if payload is None:
        raise Refused('InvalidRequest', 'Missing required header for this request: x-amz-content-sha256')
    if payload == 'UNSIGNED-PAYLOAD':
        raise Refused('InvalidRequest', 'This server wants every payload signed.')
    if payload.startswith('STREAMING-'):
        raise Refused('NotImplemented', 'A header you provided implies functionality that is not implemented.',
                      {'Header': 'x-amz-content-sha256'})
    if not re.fullmatch(r'[0-9a-f]{64}', payload):
        raise Refused('InvalidArgument', 'x-amz-content-sha256 must be UNSIGNED-PAYLOAD or a valid sha256 value.')
    signed = found[2].split(';')
    if signed != sorted(set(signed)) or found[2] != found[2].lower():
        raise malformed('SignedHeaders are not lower-case, sorted and each there once.')
    must = {'host'} | {name for name, _ in request.headers if name.startswith('x-amz-')}
    unsigned = sorted(must - set(signed))
    if unsigned:
        raise Refused('AccessDenied', 'There were headers present in the request which were not signed',
                      {'HeadersNotSigned': ', '.join(unsigned)})
    canonical = canonical_request(request.method, request.target, request.headers, signed, payload)
    to_sign = string_to_sign(stamp, scope, canonical)
    right = hmac.compare_digest(signature(options.secret, scope, to_sign), found[3])
    if not right or not all(request.has(name) for name in signed):
        raise Refused('SignatureDoesNotMatch', 'The request signature we calculated does not match the signature you provided. Check '
                      'your key and signing method.', {'AWSAccessKeyId': access_key, 'StringToSign': to_sign,
                                                       'SignatureProvided': found[3], 'CanonicalRequest': canonical})
    if canonical_path(request.path.encode('latin-1')) != request.path:
        raise Refused('InvalidURI', 'The path is not sent in the spelling that is signed.')
    return payload


def check_digests(request, payload, body):
    digest = hashlib.sha256(body).hexdigest()
    if digest != payload:
        raise Refused('XAmzContentSHA256Mismatch', 'The provided \'x-amz-content-sha256\' header does not match what was computed.',
                      {'ClientComputedContentSHA256': payload, 'S3ComputedContentSHA256': digest})
    for name, algorithm in (('content-md5', hashlib.md5), ('x-amz-checksum-sha256', hashlib.sha256)):
        value = request.get(name)
        if value is None:
            continue
        try:
            wanted = base64.b64decode(value, validate=True)
        except binascii.Error:
            raise Refused('InvalidDigest', 'The %s you specified is not valid.' % name) from None
        if wanted != algorithm(body).digest():
            raise Refused('BadDigest', 'The %s you specified did not match what we received.' % name)
