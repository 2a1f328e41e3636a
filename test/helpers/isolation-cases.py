#!/usr/bin/env python3
"""Run isolation cases (test/cases/*.jsonl) against ab-exec; TAP on stdout.

usage: isolation-cases.py [--isolation LEVEL] [--user UID] [--only NAME] [--expect-fail FILE] CASES...

A case: setup (host shell), inside (run by ab-exec -c in the scope $W), check (host shell; exit 0 = contained), needs: '' | timeout |
limits | protect | unpriv | unixsock | stdin | stdout | state. Variables: $W scope directory, $D private host directory beside it,
$MASKED hidden host directory, $OUT what the command wrote, $RC its status, $HOSTPID a host process, $HOSTPORT a host port on
loopback (TCP and UDP), $CID the case's id, $HOMEDIR, $LAUNCHER, $REPORTED set when the result names planted files. All $-names are
expanded in `inside` before it is passed on. Writes to kernel settings write the value that is there: a failing sandbox harms nothing.
--expect-fail names a file of case names that this level cannot contain: such a case is counted as skipped, and one that is
contained all the same is a failure, so that the list stays true.
"""
import argparse
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading

parser = argparse.ArgumentParser()
parser.add_argument('--isolation', default='namespace')
parser.add_argument('--user', help='run ab-exec as this uid (needs root)')
parser.add_argument('--only')
parser.add_argument('--expect-fail')
parser.add_argument('--base', default='/var/tmp/ab-cases.%d' % os.getpid())
parser.add_argument('cases', nargs='+')
args = parser.parse_args()
launcher = shutil.which('ab-exec')
expected = set()
if args.expect_fail:
    root = os.getuid() == 0 and not args.user
    lines = [line.split() for line in open(args.expect_fail) if line.strip() and not line.startswith('#')]
    expected = {line[0] for line in lines if line[1] not in ('(root)', '(user)') or (line[1] == '(root)') == root}


def answer(listener):
    try:
        while True:
            peer, _ = listener.accept()
            peer.sendall(b'HELLO')
            peer.close()
    except OSError:
        pass


class Host:
    """What the host has that a command must not reach."""

    def __init__(self, directory, cid):
        self.tcp = socket.socket()
        self.tcp.bind(('127.0.0.1', 0))
        self.port = self.tcp.getsockname()[1]
        self.unix = socket.socket(socket.AF_UNIX)
        self.unix.bind(directory + '/host.sock')
        os.chmod(directory + '/host.sock', 0o777)
        self.abstract = socket.socket(socket.AF_UNIX)
        self.abstract.bind('\0ab_case_abs_' + cid)
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(('127.0.0.1', self.port))
        self.udp.setblocking(False)
        for listener in (self.tcp, self.unix, self.abstract):
            listener.listen(8)
        threading.Thread(target=answer, args=(self.tcp,), daemon=True).start()
        self.process = subprocess.Popen(['sleep', '97'])

    def close(self):
        self.process.kill()
        self.process.wait()
        for listener in (self.tcp, self.unix, self.abstract, self.udp):
            listener.close()


def command_line(case, dirs, env):
    inside = case['inside']
    for name in ('W', 'D', 'MASKED', 'CID', 'HOSTPID', 'HOSTPORT', 'HOMEDIR'):
        inside = inside.replace('$' + name, env[name])
    argv = [launcher, '--root', dirs['W'], '--isolation', args.isolation, '--no-guard', '--timeout', '2s' if case['needs'] == 'timeout' else '20s',
            '--encoding', 'utf8', '--exit-zero']
    argv += ['--record', dirs['D'] + '.rec'] if case['needs'] == 'stdout' else ['--json']
    if case['needs'] == 'limits':
        argv += ['--pids', '300', '--memory', '1GiB', '--file-size', '100MB']
    if case['needs'] == 'stdin':
        argv += ['--stdin', '-']
    argv += ['-c', inside]
    if args.user:
        os.makedirs(dirs['D'] + '/ab', exist_ok=True)
        subprocess.run(['chown', '-R', args.user, dirs['W'], dirs['D'] + '/ab'], check=True)
        os.chmod(dirs['D'], 0o777)
        argv = ['setpriv', '--reuid', args.user, '--regid', args.user, '--clear-groups'] + argv
    return argv


def run_case(number, case):
    cid = '%d_%d' % (os.getpid(), number)
    dirs = {name: '%s/%s%s' % (args.base, name.lower(), cid) for name in ('W', 'D', 'MASKED')}
    for directory in dirs.values():
        os.makedirs(directory)
    os.chmod(dirs['W'], 0o777)
    host = Host(dirs['D'], cid)
    state = dirs['W'] + '/.state' if case['needs'] == 'state' else dirs['D'] + '/ab'
    out, record_file = dirs['D'] + '.out', dirs['D'] + '.rec'
    env = dict(os.environ, **dirs, CID=cid, OUT=out, HOSTPID=str(host.process.pid), HOSTPORT=str(host.port), HOMEDIR=dirs['D'] + '/home',
               SECRET_TOKEN='abc123secret', LAUNCHER=launcher, AB_HOME=state)
    if args.user:
        env['HOME'] = dirs['D']
    subprocess.run(['bash', '-c', case['setup']], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    argv = command_line(case, dirs, env)
    if case['needs'] == 'state':
        os.chmod(state, 0o700)
    if args.user and case['needs'] == 'stdout':
        open(record_file, 'w').close()
        os.chown(record_file, int(args.user), int(args.user))
    extra, leak = (), None
    if case['name'] == 'proc-fd-leak':
        leak = os.open(dirs['D'] + '/fdsecret', os.O_RDONLY)
        os.dup2(leak, 99, inheritable=True)
        extra = (99,)
    stdin = open(dirs['D'] + '/in', 'rb') if case['needs'] == 'stdin' else subprocess.DEVNULL
    if case['needs'] == 'stdout':
        with open(dirs['D'] + '/log', 'w') as log:
            log.write('kept\n')
        stdout = open(dirs['D'] + '/log', 'ab')
    else:
        stdout = open(record_file, 'wb')
    hang = False
    process = subprocess.Popen(argv, env=env, stdin=stdin, stdout=stdout, stderr=subprocess.STDOUT, pass_fds=extra, start_new_session=True,
                               cwd='/')
    try:
        process.wait(40)
    except subprocess.TimeoutExpired:
        hang = True
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    text = open(record_file, errors='replace').read()
    try:
        record = json.loads(text.strip().splitlines()[-1])
    except (ValueError, IndexError):
        record = {}
    ran = record.get('reason') not in (None, 'failed', 'denied')
    with open(out, 'w') as file:
        file.write((record.get('stdout') or '') + (record.get('stderr') or ''))
    env['RC'] = str(record.get('status', process.returncode))
    if record.get('planted'):
        env['REPORTED'] = '1'
    if case['name'] == 'net-udp-out':
        try:
            with open(dirs['D'] + '/udp', 'wb') as file:
                file.write(host.udp.recv(10))
        except OSError:
            pass
    check = subprocess.run(['bash', '-c', case['check']], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60)
    host.close()
    if leak is not None:
        os.close(99)
        os.close(leak)
    for path in list(dirs.values()) + [out, record_file]:
        shutil.rmtree(path, ignore_errors=True) if os.path.isdir(path) else os.path.exists(path) and os.unlink(path)
    why = 'hung' if hang else 'did not run: ' + text[-300:].replace('\n', ' | ') if not ran else 'not contained' if check.returncode else ''
    return why


def main():
    cases = [json.loads(line) for name in args.cases for line in open(name)]
    cases = [case for case in cases if args.only in (None, case['name'])]
    os.makedirs(args.base)
    os.chmod(args.base, 0o755)
    bad = 0
    print('1..%d' % len(cases))
    for number, case in enumerate(cases, 1):
        why = run_case(number, case)
        title = '%d - %s: %s' % (number, case['name'], case['expect'])
        if case['name'] in expected:
            ok, note = bool(why), ' # SKIP not kept at level ' + args.isolation
            why = why or 'contained, and listed as not contained'
        else:
            ok, note = not why, ''
        bad += not ok
        print(('ok ' if ok else 'not ok ') + title + (note if ok else ''))
        if not ok:
            print('# ' + why)
        sys.stdout.flush()
    shutil.rmtree(args.base, ignore_errors=True)
    return 1 if bad else 0


sys.exit(main())
