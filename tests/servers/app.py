"""An application for gunicorn (wsgi) and for uvicorn (asgi): GENERATION.SLOT PID RELEASE. With CONDUCT=broken,
it cannot even be imported."""

import os

if os.environ.get("CONDUCT") == "broken":
    raise ImportError("this release is broken")


def body():
    seat = os.environ["HEIRLOOM_GENERATION"] + "." + os.environ["HEIRLOOM_SLOT"]
    return f"{seat} {os.getpid()} {os.environ['RELEASE']}\n".encode()


def wsgi(environ, start_response):
    start_response("200 OK", [("Content-Length", str(len(body())))])
    return [body()]


async def asgi(scope, receive, send):
    if scope["type"] != "http":
        raise NotImplementedError(scope["type"])
    length = (b"content-length", str(len(body())).encode())
    await send({"type": "http.response.start", "status": 200, "headers": [length]})
    await send({"type": "http.response.body", "body": body()})
