"""nginx, where it is installed: as the provider's stand-in, and as the reference that only passes bytes on."""

import shutil
from pathlib import Path

from bench import answers

HOW_TO_INSTALL = "nginx is not installed: a slower stand-in of our own was used. On Debian: apt-get install nginx-light"

_FRAME = """
daemon off; master_process off; worker_processes 1; pid {folder}/pid; error_log stderr crit;
events {{ worker_connections 8192; }}
http {{
  access_log off; server_tokens off; tcp_nodelay on;
  keepalive_timeout 600s; keepalive_requests 100000000;
  client_body_buffer_size 256k; client_max_body_size 64m; client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
{content}
}}
"""

# A POST of a file is 405; the redirect that follows turns it into a GET of the same file, which is sent from the cache.
_PROVIDER = """
  open_file_cache max=16 inactive=1h; open_file_cache_valid 1h;
  server {{
    listen 127.0.0.1:{port} backlog=2048; root {folder};
    location = /plain/v1/chat/completions {{ error_page 405 =200 /plain.json; try_files /plain.json =404; }}
    location = /stream/v1/chat/completions {{ error_page 405 =200 /stream.sse; try_files /stream.sse =404; }}
    location = /plain.json {{ internal; default_type application/json; }}
    location = /stream.sse {{ internal; default_type text/event-stream; }}
  }}
"""

_PROXY = """
  upstream provider {{ server 127.0.0.1:{provider_port}; keepalive 256; keepalive_requests 100000000; }}
  server {{
    listen 127.0.0.1:{port} backlog=2048;
    location / {{ proxy_pass http://provider; proxy_http_version 1.1; proxy_set_header Connection ""; }}
  }}
"""


def find() -> str | None:
    """The nginx of this machine; it is often outside the PATH of people who are not root."""
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")


def provider(nginx: str, folder: Path, port: int) -> list[str]:
    """The command of a stand-in that answers from files; writes them and its configuration."""
    folder.mkdir()
    (folder / "plain.json").write_bytes(answers.document())
    (folder / "stream.sse").write_bytes(answers.stream())
    return _command(nginx, folder, _PROVIDER.format(folder=folder, port=port))


def proxy(nginx: str, folder: Path, port: int, provider_port: int) -> list[str]:
    """The command of a server that passes everything on to the provider."""
    folder.mkdir()
    return _command(nginx, folder, _PROXY.format(port=port, provider_port=provider_port))


def _command(nginx: str, folder: Path, content: str) -> list[str]:
    configuration = folder / "nginx.conf"
    configuration.write_text(_FRAME.format(folder=folder, content=content))
    return [nginx, "-p", str(folder), "-e", "stderr", "-c", str(configuration)]
