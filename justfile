# Aliases; the work is in dev.py.

help:
    @python3 dev.py help

serve *arguments:
    @python3 dev.py serve {{arguments}}

test *arguments:
    @python3 dev.py test {{arguments}}

check *arguments:
    @python3 dev.py check {{arguments}}

format *arguments:
    @python3 dev.py format {{arguments}}

bench *arguments:
    @python3 dev.py bench {{arguments}}

bench-check *arguments:
    @python3 dev.py bench-check {{arguments}}

lock *arguments:
    @python3 dev.py lock {{arguments}}
