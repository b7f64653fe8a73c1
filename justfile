# Aliases; the work is in dev.py.

help:
    @python3 dev.py help

install *arguments:
    @python3 dev.py install {{arguments}}

serve *arguments:
    @python3 dev.py serve {{arguments}}

test *arguments:
    @python3 dev.py test {{arguments}}

check *arguments:
    @python3 dev.py check {{arguments}}

format *arguments:
    @python3 dev.py format {{arguments}}

lock *arguments:
    @python3 dev.py lock {{arguments}}

dev *arguments:
    @python3 dev.py dev {{arguments}}

lint *arguments:
    @python3 dev.py lint {{arguments}}

smoke *arguments:
    @python3 dev.py smoke {{arguments}}

fuzz *arguments:
    @python3 dev.py fuzz {{arguments}}

bench *arguments:
    @python3 dev.py bench {{arguments}}

bench-check *arguments:
    @python3 dev.py bench-check {{arguments}}

bench-local *arguments:
    @python3 dev.py bench-local {{arguments}}

simulate *arguments:
    @python3 dev.py simulate {{arguments}}

load *arguments:
    @python3 dev.py load {{arguments}}

profile *arguments:
    @python3 dev.py profile {{arguments}}

clean *arguments:
    @python3 dev.py clean {{arguments}}

docker-build *arguments:
    @python3 dev.py docker-build {{arguments}}

docker-run *arguments:
    @python3 dev.py docker-run {{arguments}}

docker-dev *arguments:
    @python3 dev.py docker-dev {{arguments}}

docker-cache *arguments:
    @python3 dev.py docker-cache {{arguments}}

docker-proxy *arguments:
    @python3 dev.py docker-proxy {{arguments}}

docker-stop *arguments:
    @python3 dev.py docker-stop {{arguments}}

run *arguments:
    @python3 dev.py run {{arguments}}

server *arguments:
    @python3 dev.py server {{arguments}}

dev-api *arguments:
    @python3 dev.py dev-api {{arguments}}

dev-services *arguments:
    @python3 dev.py dev-services {{arguments}}

compose-up *arguments:
    @python3 dev.py compose-up {{arguments}}

compose-down *arguments:
    @python3 dev.py compose-down {{arguments}}

loadtest-start *arguments:
    @python3 dev.py loadtest-start {{arguments}}

loadtest-quick *arguments:
    @python3 dev.py loadtest-quick {{arguments}}

loadtest-heavy *arguments:
    @python3 dev.py loadtest-heavy {{arguments}}

loadtest-stress *arguments:
    @python3 dev.py loadtest-stress {{arguments}}

profile-benchmark *arguments:
    @python3 dev.py profile-benchmark {{arguments}}

profile-memory *arguments:
    @python3 dev.py profile-memory {{arguments}}

profile-cpu *arguments:
    @python3 dev.py profile-cpu {{arguments}}

profile-full *arguments:
    @python3 dev.py profile-full {{arguments}}
