#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Check the tree against its own rules: who may include whom, sizes, licence lines.

tests/layers.py [ROOT]        prints one line for each breach and exits 1 if there is any
tests/layers.py --self-test   plants breaches in a temporary tree and looks whether each is found
"""
import os
import re
import sys
import tempfile

# layer: what it may include besides itself. app, bench and tests may include all.
MAY_INCLUDE = {
    'pkt': '',
    'match': 'pkt',
    'core': 'pkt',
    'link': 'core pkt',
    'ip': 'link core pkt',
    'transport': 'ip link core pkt',
    'sock': 'transport ip link core pkt',
    'nf': 'ip link core match pkt',
    'tunnel': 'ip link core match pkt',
    'plan': 'core match pkt',
    'kni': 'core link ip pkt',
    'drivers': 'pkt match',
}
LAYERS = set(MAY_INCLUDE) | {'app', 'bench', 'tests'}
# What differs between versions of DPDK is DPDK to everyone.
FOR_ALL = {'core/compat.h'}
# The bottom uses DPDK and the C library only, since drivers of other programs link it.
ONLY_DPDK = {'pkt', 'match', 'drivers'}
OTHER_LIBRARIES = re.compile(r'(numa\w*|libmnl/.*|jansson|libfyaml|CUnit/.*)\.h$')

MAX_FILE, MAX_FUNCTION = 500, 80
CODE = ('lib', 'kni', 'app', 'drivers')
INCLUDE = re.compile(r'\s*#\s*include\s*(["<])([^">]+)[">]')


def layer_of(path):
    """The layer of a path relative to the root, or None."""
    parts = path.split('/')
    return parts[1] if parts[0] == 'lib' and len(parts) > 2 else parts[0]


def check_includes(root, path, lines):
    layer = layer_of(path)
    for number, line in enumerate(lines, 1):
        m = INCLUDE.match(line)
        if not m:
            continue
        quoted, name = m.group(1) == '"', m.group(2)
        where = f'{path}:{number}'
        if layer in ONLY_DPDK and OTHER_LIBRARIES.match(name):
            yield f'{where}: {layer} may use DPDK alone, not {name}'
        # Beside the file, as the compiler looks first; else from lib/ or from the root.
        beside = os.path.normpath(os.path.join(os.path.dirname(path), name))
        if quoted and os.path.exists(os.path.join(root, beside)):
            target = layer_of(beside)
        elif '/' in name and name.split('/')[0] in LAYERS | {'lib'}:
            target = layer_of(name) if name.startswith('lib/') else name.split('/')[0]
        elif quoted:
            yield f'{where}: "{name}" is of no known layer'
            continue
        else:
            continue
        if layer not in MAY_INCLUDE or name in FOR_ALL or target == layer:
            continue
        if target not in MAY_INCLUDE[layer].split():
            yield f'{where}: {layer} may not include {target} ("{name}")'


def check_sizes(path, lines):
    """Functions open and close with a brace in the first column; nothing else opens with one."""
    if len(lines) > MAX_FILE:
        yield f'{path}: {len(lines)} lines, more than {MAX_FILE}'
    start = None
    for number, line in enumerate(lines, 1):
        if line.rstrip() == '{':
            start = number
        elif line.startswith('}') and start:
            if number - start + 1 > MAX_FUNCTION:
                yield f'{path}:{start}: function of {number - start + 1} lines, more than {MAX_FUNCTION}'
            start = None


def check_file(root, path):
    with open(os.path.join(root, path), encoding='utf-8') as f:
        lines = f.read().split('\n')
    if lines[-1] == '':
        lines.pop()
    if not any('SPDX-License-Identifier: BSD-3-Clause' in line for line in lines[:3]):
        yield f'{path}:1: no licence line'
    if not path.endswith(('.c', '.h')):
        return
    yield from check_sizes(path, lines)
    if path.split('/')[0] in CODE:
        yield from check_includes(root, path, lines)
    if path != 'lib/core/compat.h':
        for number, line in enumerate(lines, 1):
            if 'RTE_VERSION' in line:
                yield f'{path}:{number}: only lib/core/compat.h tests the version of DPDK'


def source_files(root):
    for folder in CODE + ('bench', 'tests', 'tools'):
        for here, _, names in os.walk(os.path.join(root, folder)):
            for name in names:
                script = folder == 'tools' and '.' not in name
                if script or name.endswith(('.c', '.h', '.py', '.sh')) or name == 'meson.build':
                    yield os.path.relpath(os.path.join(here, name), root)


def check(root):
    return [breach for path in sorted(source_files(root)) for breach in check_file(root, path)]


def self_test():
    spdx = '// SPDX-License-Identifier: BSD-3-Clause\n'
    trees = [  # file, its text, what must be said; None: nothing
        ('lib/ip/a.c', spdx + '#include "transport/tcp.h"\n', 'ip may not include transport'),
        ('lib/ip/a.c', spdx + '#include "../transport/tcp.h"\n', 'ip may not include transport'),
        ('lib/ip/a.c', spdx + '#include "kni/tap.h"\n', 'ip may not include kni'),
        ('lib/core/a.h', spdx + '  #  include <link/port.h>\n', 'core may not include link'),
        ('lib/pkt/a.h', spdx + '#include <numa.h>\n', 'DPDK alone'),
        ('kni/a.c', spdx + '#include "sock/sock.h"\n', 'kni may not include sock'),
        ('drivers/net/npu/a.c', spdx + '#include "core/lcore.h"\n', 'drivers may not include core'),
        ('lib/ip/a.c', spdx + '#include "nowhere/a.h"\n', 'no known layer'),
        ('lib/link/a.c', spdx + '#if RTE_VERSION > 1\n#endif\n', 'version of DPDK'),
        ('lib/link/a.c', 'int x;\n', 'no licence line'),
        ('lib/link/a.c', spdx + 'int x;\n' * 500, '501 lines'),
        ('app/a.c', spdx + 'int f(void)\n{\n' + '\tg();\n' * 79 + '}\n', 'function of 81 lines'),
        ('app/a.c', spdx + 'int f(void)\n{\n' + '\tg();\n' * 78 + '}\n', None),
        ('lib/pkt/a.c', spdx + '#include "core/compat.h"\n#include <rte_mbuf.h>\n', None),
        ('kni/a.c', spdx + '#include "ip/claim.h"\n#include <net/if.h>\n', None),
        ('app/leatd/a.c', spdx + '#include "kni/tap.h"\n#include "sock/sock.h"\n', None),
    ]
    wrong = 0
    for path, text, expected in trees:
        with tempfile.TemporaryDirectory() as root:
            for name in (path, 'lib/transport/tcp.h'):
                os.makedirs(os.path.join(root, os.path.dirname(name)), exist_ok=True)
                with open(os.path.join(root, name), 'w', encoding='utf-8') as f:
                    f.write(text if name == path else spdx)
            said = check(root)
        if (said and expected is None) or (expected and not any(expected in s for s in said)):
            print(f'{path}: expected {expected!r}, got {said}')
            wrong += 1
    return wrong


if __name__ == '__main__':
    if sys.argv[1:] == ['--self-test']:
        sys.exit(1 if self_test() else 0)
    breaches = check(sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(sys.path[0]))
    print('\n'.join(breaches), end='\n' if breaches else '')
    sys.exit(1 if breaches else 0)
