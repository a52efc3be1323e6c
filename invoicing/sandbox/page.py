"""The frame of every page that the stand-ins show. Callers pass escaped HTML; nothing works by script."""

from html import escape

from aiohttp import web

STYLE = """
:root { color-scheme: light dark; --line: #8885; --accent: #1a5fb4; }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.05rem; margin-top: 2rem; }
.note { border-left: .3rem solid #c64600; padding: .2rem .8rem; background: #c6460014; }
table { border-collapse: collapse; width: 100%; } caption { text-align: left; }
th, td { text-align: left; vertical-align: top; padding: .45rem .7rem; border-bottom: 1px solid var(--line); }
th[scope=row] { width: 11rem; font-weight: 600; } td { overflow-wrap: anywhere; }
.buttons { display: grid; grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr)); gap: .7rem; }
button { font: inherit; padding: .7rem 1rem; border: 1px solid var(--line); border-radius: .4rem; cursor: pointer;
  background: Canvas; color: CanvasText; text-align: left; }
button.main { background: var(--accent); color: #fff; border-color: var(--accent); font-weight: 600; }
button:focus-visible, a:focus-visible { outline: .2rem solid #e5a50a; outline-offset: .15rem; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; border: 1px solid var(--line); padding: 1rem; }
"""
# No form-action: a paywall form is answered by a redirect to the shop, which browsers would count as its target.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'"


def html_page(title: str, body: str, language: str = "en", status: int = 200) -> web.Response:
    """A whole page; ``body`` is HTML whose values are escaped already."""
    document = (
        f'<!doctype html>\n<html lang="{language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>\n"
        f"<body><main>\n<h1>{escape(title)}</h1>\n{body}\n</main></body></html>\n"
    )
    headers = {
        "Content-Security-Policy": POLICY,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store",
    }
    return web.Response(text=document, content_type="text/html", status=status, headers=headers)


def rows(pairs: list[tuple[str, str]]) -> str:
    """A two-column table of names and values; escapes both."""
    lines = (f'<tr><th scope="row">{escape(name)}</th><td>{escape(value)}</td></tr>' for name, value in pairs)
    return f"<table>{''.join(lines)}</table>"
