#!/usr/bin/env python3
"""Random simple commands, read by bash, by dash and by sys/shell: the words must be the same.

usage: shell-property.py SHELL-WORDS [SEED [CASES]]

Every command is `p WORD...`, a function that prints its words. What a word may hold: every way of quoting, escapes, line
continuations, bytes that are not UTF-8, characters that are special elsewhere, reserved words. Between commands: the operators,
comments, groups, substitutions, compound commands, redirections, here-documents. A case is such that every command of it runs, once
and in the order of the text.

Left out: NUL (no shell keeps it) and expansions whose value only a run tells; where the shells disagree, each is given what it
knows ($'...' and what else is bash's own are for bash, braces within words for dash); `((` and `$((` that mean two parentheses; and what
bash 5.2 itself gets wrong: byte 1 behind a backslash in double quotes, and in $(...), whose commands it prints and reads once more,
here-documents, `time`, functions and an escaped `&`.
"""
import os
import random
import subprocess
import sys
import tempfile

PLAIN = b'abcxyzABC0189_-+=:,./@%^\xc3\xa4\xff\x80\x81\x88\x01\x7f\r\v\f'
SPECIAL = b' \t;&|<>()$`"\'\\#!*?[]{}~\n'
SAFE_DOUBLE = bytes(c for c in PLAIN + SPECIAL if c not in b'$`"\\')
RESERVED = [b'if', b'then', b'fi', b'do', b'done', b'case', b'esac', b'in', b'{', b'}', b'!', b'while', b'for',
            b'function', b'[[', b']]', b'time', b'select', b'coproc', b'elif', b'else', b'until']


CHUNK = 250  # cases for one run of a shell


class Maker:
    def __init__(self, random_numbers, bash):
        self.random, self.bash, self.substituted = random_numbers, bash, False

    def some(self, alphabet, most=6):
        return bytes(self.random.choice(alphabet) for _ in range(self.random.randint(0, most)))

    def continued(self, text):
        """A line continuation somewhere: it counts for nothing."""
        if self.random.random() < 0.1:
            return text + b'\\\n'
        return text

    def bare(self):
        """Unquoted: nothing that is a pattern of files, and no tilde that could be a home directory."""
        return self.some(PLAIN + (b'' if self.bash else b'{}'), 5)

    def escaped(self):
        special = SPECIAL.replace(b'\n', b'').replace(b'&' if self.bash and self.substituted else b'\n', b'')
        return b'\\' + bytes([self.random.choice(PLAIN + special)])

    def single(self):
        return b"'" + self.some((PLAIN + SPECIAL).replace(b"'", b'')) + b"'"

    def double(self):
        out = b'"'
        for _ in range(self.random.randint(0, 4)):
            out += self.random.choice([
                lambda: self.some(SAFE_DOUBLE, 4),
                lambda: b'\\' + bytes([self.random.choice(b'$`"\\')]),
                lambda: b'\\' + bytes([self.random.choice(SAFE_DOUBLE.replace(b'\n', b'').replace(b'\x01', b''))]),
                lambda: b'\\\n',
                lambda: b'$ ', lambda: b"$'", lambda: b'$%'])()
        return out + b'"'

    def ansi(self):
        out = b"$'"
        for _ in range(self.random.randint(0, 5)):
            out += self.random.choice([
                lambda: self.some((PLAIN + SPECIAL).replace(b"'", b'').replace(b'\\', b''), 3),
                lambda: b'\\' + bytes([self.random.choice(b'abefnrtvE\\\'"?')]),
                lambda: b'\\%o' % self.random.randint(0, 0o777),
                lambda: b'\\x%x' % self.random.randint(0, 255),
                lambda: b'\\x{%x}' % self.random.randint(0, 0xffff),
                lambda: b'\\u%x' % self.random.choice([0, 0x41, 0xe4, 0x20ac, 0xfffd]),
                lambda: b'\\U%08x' % self.random.choice([0x41, 0x1f600, 0x10ffff]),
                lambda: b'\\c' + bytes([self.random.choice(b'aZ[]^_?@1 ')]), lambda: b'\\c\\\\', lambda: b"\\c\\'",
                lambda: b'\\' + bytes([self.random.choice(b'dgzyGxuU$%\n ')])])()
        return out + b"'"

    def word(self):
        if self.random.random() < 0.05:
            return self.random.choice(RESERVED if not self.bash else [w for w in RESERVED if w[:1] not in b'{}'])
        kinds = [self.bare, self.bare, self.escaped, self.single, self.double] + ([self.ansi] if self.bash else [])
        out = b''
        for i in range(self.random.randint(1, 4)):
            piece = self.continued(self.random.choice(kinds)())
            if self.random.random() < 0.03:
                piece += b'#'
            out += piece
        # A word that is nothing is none; a tilde or a comment begins only a word.
        if out.replace(b'\\\n', b'') == b'':
            return b"''"
        if out.lstrip(b'\\\n')[:1] == b'#':
            out = b'x' + out
        return out

    def blank(self):
        return self.random.choice([b' ', b' ', b'  ', b'\t', b' \\\n', b'\\\n ', b' \\\n\\\n\t'])

    def redirection(self):
        kinds = [b'2>/dev/null', b'3>&1', b'</dev/null', b'4>>/dev/null', b'5>|/dev/null', b'3>&-', b'2\\\n>/dev/null', b'4<&-',
                 b"5<>'/dev/null'"]
        if self.bash:
            kinds += [b'{fd_1}</dev/null', b'<<<word', b'<<<"a b"']
        return self.random.choice(kinds)

    def comment(self):
        return b'#' + self.some((PLAIN + SPECIAL).replace(b'\n', b''), 12)

    def simple(self):
        out = b''
        for _ in range(self.random.choice([0, 0, 0, 1, 2])):
            out += b'A%d=' % self.random.randint(0, 9) + self.random.choice([self.single, self.double])() + self.blank()
        out += b'p'
        for _ in range(self.random.randint(0, 4)):
            out += self.blank() + (self.redirection() if self.random.random() < 0.1 else self.word())
        return out

    def end(self):
        """What ends a command, with all that may follow."""
        kind = self.random.randint(0, 4)
        if kind == 0:
            return b';'
        if kind == 1:
            return b' ' + self.comment() + b'\n'
        if kind == 2:
            return b'\n' * self.random.randint(1, 2)
        if kind == 3:
            return b' ;' + self.random.choice([b'', b' ', b'\n', b' ' + self.comment() + b'\n'])
        return b' &\nwait\n'

    def both(self):
        return self.random.choice([b'&&', b' && ', b' &\\\n&', b' &&\n', b' && ' + self.comment() + b'\n'])

    def document(self):
        body = self.some(SAFE_DOUBLE.replace(b'$', b''), 12)
        mark = self.random.choice([b'E', b"'E'", b'\\E', b'"E"', b"'E'\\\n"])
        operator = b' <<' + self.random.choice([b'', b' ']) + mark + b' '
        return b'p' + self.blank() + self.word() + operator + self.word() + b'\n' + body + b'\nE\n'

    def substitution(self, inner):
        outer, self.substituted = self.substituted, True
        text = b': $( ' + inner() + b' ) "$(' + self.simple() + self.end() + inner() + b'\n)"' + self.end()
        self.substituted = outer
        return text

    def command(self, depth=0):
        """A command with what ends it."""
        if depth > 3 or self.random.random() < 0.5:
            return self.simple() + self.end()
        inner = lambda: b''.join(self.command(depth + 1) for _ in range(self.random.randint(1, 2)))
        kinds = [
            lambda: b'{ ' + inner() + b'\n}' + self.end(),
            lambda: b'(' + self.simple() + self.end() + inner() + b')' + self.end(),
            lambda: b'( ' + inner() + b' )' + self.end(),
            lambda: b'if ' + inner() + b'then ' + inner() + b'fi' + self.end(),
            lambda: b'for x in 1; do ' + inner() + b'done' + self.end(),
            lambda: b'case x in (y | x) ' + inner() + b'\n;; esac' + self.end(),
            lambda: b'case x in x) ' + inner() + b'esac' + self.end(),
            lambda: self.simple() + self.both() + self.command(depth + 1),
            lambda: b'! ' + self.simple() + self.random.choice([b'||', b' || \n']) + self.command(depth + 1),
            lambda: self.substitution(inner),
            lambda: b': "${x:+' + self.some(bytes(set(SAFE_DOUBLE) - set(b"}'("))) + b'}"' + self.end(),
            lambda: b': $((1 + (2))) $(( 3 ))' + self.end(),
            lambda: b'while ' + inner() + b'do ' + inner() + b'break; done' + self.end(),
            lambda: b': | ' + self.simple() + self.end(), lambda: b': |\n( ' + inner() + b') | :' + self.end(),
            lambda: b': `' + self.blank() + b'p a\\\\b `' + self.end(),
        ]
        if not self.bash or not self.substituted:
            kinds += [self.document, lambda: b'{ ' + self.document() + b'}' + self.end()]
        if self.bash:
            kinds += [
                lambda: b'(( 1 )) && ' + self.command(depth + 1),
                lambda: b'[[ x =~ (x|#) && ( a < b ) ]] && ' + self.command(depth + 1),
                lambda: b'for ((i = 0; i < 1; i++)); do ' + inner() + b'done' + self.end(),
                lambda: b'a=(' + self.some(b'ab \n', 5) + b' [2]=' + self.single() + b' )' + self.end(),
                lambda: b'a[1]=' + self.single() + b' p' + self.end(),
                lambda: self.simple() + b' &>/dev/null' + self.end(),
            ]
            if not self.substituted:
                kinds += [lambda: b'time -p ' + self.command(depth + 1), lambda: b'function f { :\n}' + self.end()]
        return self.random.choice(kinds)()


# Words go where no redirection of a command takes them. \x1e ends a command.
PRELUDE = b"""p() { printf '%s\\0' p "$@" '\x1e' >&9; }
exec 9>"$1"
set -f
"""


def run(shell, text):
    """The words of every `p` that the shell runs."""
    with tempfile.NamedTemporaryFile() as script, tempfile.NamedTemporaryFile() as out:
        script.write(PRELUDE + text)
        script.flush()
        subprocess.run([shell, script.name, out.name], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                       env=dict(os.environ, LC_ALL='C.UTF-8'), timeout=100, check=False)
        return out.read()


def read(shell_words, text):
    """The words of every `p` that the reader sees."""
    return subprocess.run([shell_words, '--only', 'p'], input=text, stdout=subprocess.PIPE, timeout=100, check=True).stdout


def split(output, count):
    """The output of many cases, one after the other, each behind a mark."""
    parts = []
    for i in range(count):
        head, _, output = output.partition(b'p\0mark-%d\0\x1e\0' % i)
        parts.append(head)
    return parts[1:] + [output]


def differing(shell, shell_words, cases):
    """Cases that differ. When a shell refuses one, those behind it do, too: each is tried alone then."""
    text = b''.join(b'p mark-%d\n%s\n' % (i, case) for i, case in enumerate(cases))
    pairs = zip(cases, split(run(shell, text), len(cases)), split(read(shell_words, text), len(cases)))
    return [case for case, wanted, got in pairs if wanted != got and run(shell, case) != read(shell_words, case)]


def main():
    shell_words, seed, count = sys.argv[1], int((sys.argv[2:] or [1])[0]), int((sys.argv[3:] or [2000])[0])
    bad = 0
    for shell in 'bash', 'dash':
        maker = Maker(random.Random(f'{shell} {seed}'), shell == 'bash')
        for first in range(0, count, CHUNK):
            cases = [maker.command() for _ in range(min(CHUNK, count - first))]
            for case in differing(shell, shell_words, cases):
                bad += 1
                if bad <= 10:
                    print(f'{shell}: {case!r}\n  wanted {run(shell, case)!r}\n  got    {read(shell_words, case)!r}')
    print(f'{2 * count} cases, {bad} differ')
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main())
