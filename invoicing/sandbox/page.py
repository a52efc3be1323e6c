"""The frame of every page that the stand-ins show. Callers pass escaped HTML; nothing works by script.

Colours keep a contrast of at least 4.5 for text and 3 for borders of controls in light and in dark; the layout is one
column on a telephone (WCAG 2.2 AA).
"""

from html import escape

from aiohttp import web

STYLE = """
:root { color-scheme: light dark; --line: #76767666; --edge: #767676; --accent: #1a5fb4; --link: #1a5fb4; }
@media (prefers-color-scheme: dark) { :root { --link: #99c1f1; } }
* { box-sizing: border-box; }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 52rem; margin: 0 auto; padding: 1.5rem 1rem 3rem; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 1rem; overflow-wrap: anywhere; }
h2, legend { font-size: 1.1rem; font-weight: 600; margin: 2rem 0 .5rem; padding: 0; }
a { color: var(--link); }
.note { border-left: .3rem solid #c64600; padding: .4rem .8rem; background: #c6460014; margin: 0 0 1.5rem; }
.sum { border: 1px solid var(--line); border-radius: .6rem; padding: 1rem 1.2rem; }
.sum dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1.2rem; margin: .8rem 0 0; }
.sum dt { font-weight: 600; } .sum dd { margin: 0; overflow-wrap: anywhere; }
.sum p { margin: 0; } .sum .amount { font-size: 2.2rem; line-height: 1.2; font-weight: 700; }
fieldset { border: 0; margin: 2rem 0 0; padding: 0; min-width: 0; } legend { margin: 0; }
.choice { display: grid; grid-template-columns: 16rem 1fr; gap: 1rem; align-items: center; padding: .5rem 0; }
.choice + .choice { border-top: 1px solid var(--line); } .choice p { margin: 0; }
button, .button { font: inherit; display: inline-block; min-height: 2.75rem; padding: .6rem 1rem; width: 100%;
  border: 1px solid var(--edge); border-radius: .4rem; cursor: pointer; background: Canvas; color: CanvasText;
  text-align: left; text-decoration: none; }
.button { width: auto; }
button:hover, .button:hover { border-color: var(--link); box-shadow: 0 0 0 1px var(--link); }
button.main { background: var(--accent); color: #fff; border-color: var(--accent); font-weight: 600; }
:focus-visible { outline: .2rem solid var(--link); outline-offset: .2rem; }
table { border-collapse: collapse; width: 100%; } caption { text-align: left; padding-bottom: .5rem; }
th, td { text-align: left; vertical-align: top; padding: .45rem .7rem .45rem 0; border-bottom: 1px solid var(--line); }
th[scope=row] { width: 11rem; font-weight: 600; } td { overflow-wrap: anywhere; }
td a { white-space: nowrap; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; border: 1px solid var(--line); padding: 1rem; }
@media (max-width: 40rem) {
  .choice { grid-template-columns: 1fr; gap: .3rem; padding: .8rem 0; }
  .sum dl { grid-template-columns: 1fr; } .sum dd { margin-bottom: .5rem; }
  th[scope=row] { display: block; width: auto; border: 0; padding-bottom: 0; } th[scope=row] + td { display: block; }
  .list thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  .list tr { display: block; border-bottom: 1px solid var(--line); padding: .6rem 0; }
  .list td { display: block; border: 0; padding: .1rem 0; } .list td::before { content: attr(data-name); }
}
"""
# No form-action: a paywall form is answered by a redirect to the shop, which browsers would count as its target.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'"


def html_page(title: str, body: str, language: str = "en", status: int = 200) -> web.Response:
    """A whole page; ``body`` is HTML whose values are escaped already."""
    document = (
        f'<!doctype html>\n<html lang="{language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>\n"
        f'<body><main>\n<h1 dir="auto">{escape(title)}</h1>\n{body}\n</main></body></html>\n'
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
    lines = (
        f'<tr><th scope="row">{escape(name)}</th><td dir="auto">{escape(value)}</td></tr>' for name, value in pairs
    )
    return f"<table>{''.join(lines)}</table>"
