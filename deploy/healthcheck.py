"""The image's health check: status 0 while the server in the same container answers `/health`, else 1 with the reason.

It needs neither curl nor a key, and finds the port where the server found it: in API_PORT, else PORT, else 8000.
"""

import http.client
import os
import sys

TIMEOUT_SECONDS = 4.0


def fault(port: int) -> str | None:
    """What is wrong with the server on a port of this machine; None when it is well."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", "/health")
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return f"nothing answers on port {port}: {error}"
    finally:
        connection.close()
    return None if status == http.client.OK else f"/health answers {status}"


if __name__ == "__main__":
    sys.exit(fault(int(os.environ.get("API_PORT") or os.environ.get("PORT") or 8000)))
