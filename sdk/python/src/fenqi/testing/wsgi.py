"""``fenqi.wsgi`` under its name of before."""

from ..wsgi import WsgiAdapter, wsgi_session

__all__ = ["WsgiAdapter", "wsgi_session"]
