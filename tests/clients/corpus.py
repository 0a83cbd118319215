"""The lines every client sends: what real programs log, and what breaks naive receivers.

The same list for every run (fixed seed), so a failure can be repeated.
"""

import json
import random

# Every line below has broken some receiver, parser or terminal.
NASTY = [
    "",
    " ",
    "plain",
    "  leading and trailing  ",
    '"quoted"',
    "it's 'single' and `back`",
    "back\\slash",
    "ends with a backslash\\",
    '\\"',
    "\\\\\\\\",
    "literal \\n \\t \\u0041 \\x41 \\0",
    "tab\there",
    "two\nlines",
    "carriage\r\nreturn",
    "\n",
    "\ttrailing newline\n",
    "\n\n\nonly the last line has text",
    "nul \x00 inside",
    "\x00",
    "".join(map(chr, range(0x20))),
    "\x7f delete, \x80\x85\x9f C1",
    "\x1b[31mred\x1b[0m",
    "řeřicha žluťoučký kůň",
    "日本語のログ",
    "emoji 🦀👩‍👩‍👧‍👦🏳️‍🌈",
    "e\u0301 combining, \u200b zero width, \u202e right to left \u202c",
    "\ufeff byte order mark",
    "\u2028 line separator \u2029 paragraph separator",
    "\ufffd replacement, \ufffe \uffff non-characters, \U0010ffff last",
    '{"level":"error","msg":"json in a line","nested":{"a":[1,2.50,null,true]}}',
    '{"broken": "json',
    '{"a":"\\u0000\\ud83e\\udd80 \\"x\\""}',
    '["2026-11-22T00:00:00Z","array"]',
    'level=info msg="logfmt \\"quoted\\"" dur=1.2ms',
    "<a href=\"x\">&amp; <script>",
    "%s %d %(name)s %n {} {0} {msg} ${HOME} $1 $& #{x} {{double}}",
    "a" * 4096,
    "].,}{\"streams\":[",
    "null",
    "0",
    "-1e400",
    "1795342423000000000",
    "4111 1111 1111 1111 jan.novak@example.com 10.1.2.3",
    "Exception in thread \"main\" java.lang.IllegalStateException: x\n\tat a.B.c(B.java:1)\nCaused by: y",
]


def _long(length):
    """A line of at least `length` bytes in which all escapes occur."""
    unit = 'x"\\\t🦀é<&>0123456789 the quick brown fox '
    return unit * (length // len(unit.encode()) + 1)


def lines():
    """520 and some lines, the nasty ones spread among ordinary ones."""
    random_ = random.Random(20)
    alphabet = 'abc XYZ019 _-:/=,.;"\\\'{}[]<>&%$\t\n\r\x00\x01\x1f\x7fáß日🦀\u2028\ufeff'
    made = list(NASTY) + [_long(100_000), _long(300_000), "\x00" * 1000]
    for number in range(470):
        if number % 3 == 0:
            made.append("".join(random_.choices(alphabet, k=random_.randint(1, 120))))
        elif number % 3 == 1:
            made.append(json.dumps({"n": number, "text": "".join(random_.choices(alphabet, k=20))}))
        else:
            made.append(f"GET /api/v1/items/{number} 200 {random_.random():.6f}s")
    made += ["the same line twice"] * 2
    random_.shuffle(made)
    return made
