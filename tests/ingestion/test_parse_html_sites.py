"""Pages as generators write them: the content is found, what is around it is left out, anchors are kept."""

import pytest

from groundwork.core.documents import BlockKind, Document, RawDocument
from groundwork.ingestion.parse.html import parse_html
from groundwork.ingestion.parse.options import ParseOptions

# Every page below has this in each part that is no content.
NOISE = "NOISE"

DOCUSAURUS = """<!doctype html><html lang=en><head><meta charset=utf-8><title data-rh=true>Install | Acme</title>
<meta data-rh=true name=generator content="Docusaurus v3"><meta name="docsearch:version" content="2.0"></head><body>
<div id=__docusaurus><nav class="navbar">NOISE <a href=/>NOISE</a></nav><div class=main-wrapper><aside
class="theme-doc-sidebar-container"><ul class=menu__list><li><a href=/x>NOISE</a></ul></aside><main><div class=container>
<div class="theme-doc-version-banner alert">NOISE</div><div class=docItemContainer><article>
<nav class="theme-doc-breadcrumbs" aria-label=Breadcrumbs>NOISE</nav><span class="theme-doc-version-badge badge">NOISE</span>
<div class="tocCollapsible theme-doc-toc-mobile"><button>NOISE</button></div>
<div class="theme-doc-markdown markdown"><header><h1>Install</h1></header><p>Run this:</p>
<h2 class="anchor anchorWithStickyNavbar" id=steps>Steps<a href=#steps class=hash-link aria-label="Direct link">\u200b</a></h2>
<div class="theme-admonition theme-admonition-note alert alert--secondary"><div class="admonitionHeading_a"><span
class="admonitionIcon_b"><svg><path d=M></svg></span>note</div><div class="admonitionContent_c"><p>Mind the gap.</p></div></div>
<div class="tabs-container"><ul role=tablist class=tabs><li role=tab>NOISE</ul><div><div role=tabpanel>npm it</div>
<div role=tabpanel hidden>yarn it</div></div></div>
<div class="language-bash codeBlockContainer_x theme-code-block"><div class=codeBlockContent><pre tabindex=0
class="prism-code language-bash"><code class=codeBlockLines><span class=token-line style="color:#393A34"><span class="token plain"
style="color:#fff">npm i</span><br></span><span class=token-line><span class="token plain">npm start</span><br></span></code></pre>
<div class=buttonGroup__atx><button class=clean-btn>NOISE</button></div></div></div></div>
<footer class="theme-doc-footer">NOISE <a class=theme-edit-this-page>NOISE</a></footer></article>
<nav class="pagination-nav"><a href=a>NOISE</a></nav></div></div></main></div><footer class=footer>NOISE</footer></div></body></html>"""

MATERIAL = """<html><head><meta charset=utf-8><title>Setup - Acme</title><meta name=generator content="mkdocs-1.6, mkdocs-material"></head>
<body><div data-md-component=skip><a href="#setup" class=md-skip>NOISE</a></div><header class=md-header>NOISE</header>
<div class=md-container><main class=md-main><div class="md-main__inner md-grid"><div class="md-sidebar md-sidebar--primary"><nav>NOISE</nav></div>
<div class="md-sidebar md-sidebar--secondary"><nav class="md-nav md-nav--secondary">NOISE</nav></div>
<div class=md-content><article class="md-content__inner md-typeset"><a href=e title="Edit this page" class="md-content__button md-icon">NOISE</a>
<h1 id=setup>Setup<a class=headerlink href=#setup title="Permanent link">¶</a></h1><p>Start <code>here</code>.</p>
<h2 id=steps>Steps<a class=headerlink href=#steps title="Permanent link">¶</a></h2>
<div class="admonition warning"><p class=admonition-title>Warning</p><p>Mind the gap.</p></div>
<div class="language-python highlight"><table class=highlighttable><tr><td class=linenos><div class=linenodiv><pre><span>1</span>
<span>2</span></pre></div></td><td class=code><div><pre><span></span><code><a id=__codelineno-0-1 name=__codelineno-0-1></a><span class=k>if</span> x:
<a id=__codelineno-0-2></a>    <span class=k>pass</span>
</code></pre></div></td></tr></table></div>
<h3 id=acme.run class="doc doc-heading"><code>run</code></h3><div class="doc-signature highlight"><pre><span></span><code>run(x)
</code></pre></div><p>Runs.</p>
<aside class=md-source-file>NOISE</aside><form class=md-feedback>NOISE</form></article></div></div></main>
<footer class=md-footer>NOISE</footer></div></body></html>"""

DOCSY = """<html><head><title>Tasks | Acme</title><meta name=generator content="Hugo 0.120"></head><body class=td-page><header><nav class="js-navbar-scroll navbar">NOISE</nav></header>
<div class="container-fluid td-outer"><div class=td-main><div class=row><aside class="col-12 td-sidebar d-print-none"><a href=x>NOISE</a></aside>
<aside class="td-sidebar-toc"><div class=td-page-meta><a href=x>NOISE</a></div><div class=td-toc><nav id=TableOfContents>NOISE</nav></div></aside>
<main class="col-12" role=main><nav aria-label=breadcrumb class=td-breadcrumbs><ol class=breadcrumb><li>NOISE</ol></nav>
<div class=td-content><h1>Tasks</h1><div class=lead>All of them.</div>
<h2 id=steps>Steps<a class=td-heading-self-link href=#steps aria-label="Heading self-link"></a></h2>
<div class="alert alert-warning" role=alert><div class="h4 alert-heading" role=heading>Careful</div><p>Mind the gap.</p></div>
<div class=highlight><pre tabindex=0 style="color:#f8f8f2;background-color:#272822"><code class="language-yaml" data-lang=yaml><span style="display:flex;"><span><span style="color:#f92672">a</span>:
</span></span><span style="display:flex;"><span>  b: 1
</span></span></code></pre></div><div class="td-page-meta__lastmod">Last edit</div><h2 class=feedback--title>Feedback</h2></div></main></div></div>
<footer class="td-footer">NOISE</footer></div></body></html>"""

JUST_THE_DOCS = """<html><head><title>Plugins | Acme</title></head><body><a class=skip-to-main href="#main-content">NOISE</a><div class=side-bar><nav>NOISE</nav></div>
<div class=main id=top><div id=main-header class=main-header><div class=search role=search>NOISE</div></div><div id=main-content-wrap class=main-content-wrap>
<nav aria-label=Breadcrumb class=breadcrumb-nav><ol><li><a href=x>NOISE</a></ol></nav><div id=main-content class=main-content><main>
<h1 id=plugins><a href=#plugins class=anchor-heading aria-labelledby=plugins><svg viewBox="0 0 16 16"><use/></svg></a> Plugins </h1><p>Text.</p>
<h2 class="no_toc" id=steps><a href=#steps class=anchor-heading aria-labelledby=steps><svg><use/></svg></a> Steps </h2><p class=note>Mind the gap.</p>
<div class="language-ruby highlighter-rouge"><div class=highlight><pre class=highlight><code><span class=nb>puts</span> <span class=mi>1</span>
</code></pre></div></div></main><hr><footer>NOISE</footer></div></div></div></body></html>"""

JAVADOC = """<html><head><title>Widget (Acme 3.0 API)</title><meta name=generator content="javadoc/jdk-17"></head><body class=class-declaration-page><div class=flex-box>
<header role=banner class=flex-header><nav role=navigation><div class=top-nav>NOISE</div></nav></header><div class=flex-content><main role=main>
<div class=header><div class=sub-title><span>Package</span>&nbsp;<a href=p.html>acme</a></div><h1 title="Class Widget" class=title>Class Widget</h1></div>
<section class=class-description id=class-description><div class=block>A widget.</div></section>
<section class=details><ul class=details-list><li><section class=method-details id=method-detail><h2>Method Details</h2><ul class=member-list><li>
<section class=detail id="run(int)"><h3>run</h3><div class=member-signature><span class=modifiers>public</span>&nbsp;<span class=return-type>void</span>&nbsp;<span class=element-name>run</span><wbr>(int&nbsp;n)</div>
<div class=block>Mind the gap.</div><dl class=notes><dt>Parameters:</dt><dd><code>n</code> - how often</dd></dl></section></li></ul></section></li></ul></section></main>
<footer role=contentinfo>NOISE</footer></div></div></body></html>"""

DOXYGEN = """<html><head><title>Acme: Widget Class Reference</title><meta name=generator content="Doxygen 1.9"></head><body><div id=top><div id=titlearea>NOISE</div><div id=main-nav>NOISE</div>
<div id=nav-path class=navpath><ul><li class=navelem>NOISE</ul></div></div><div id=side-nav class="ui-resizable">NOISE</div><div class=header><div class=summary><a href=#pub>NOISE</a></div><div class=headertitle><div class=title>Widget Class Reference</div></div></div>
<div class=contents><p>A widget.</p><a name=details id=details></a><h2 class=groupheader>Detailed Description</h2><div class=textblock><p>Long words about it.</p></div>
<a id=a1f class=anchor></a><h2 class=memtitle><span class=permalink><a href=#a1f>&#9670;&#160;</a></span>run()</h2><div class=memitem><div class=memproto>
<table class=memname><tr><td class=memname>void Widget::run </td><td>(</td><td class=paramtype>int&#160;</td><td class=paramname><em>n</em></td><td>)</td></tr></table></div>
<div class=memdoc><p>Mind the gap.</p></div></div></div><hr class=footer><address class=footer><small><a href=d>NOISE</a></small></address></body></html>"""

RUSTDOC = """<html><head><title>Widget in acme - Rust</title><meta name=generator content=rustdoc></head><body class="rustdoc struct"><nav class=sidebar><a href=x>NOISE</a></nav>
<main><div class=width-limiter><rustdoc-search><form>NOISE</form></rustdoc-search><section id=main-content class=content><div class=main-heading><h1>Struct <span class=struct>Widget</span><button id=copy-path>NOISE</button></h1><a class=src href=s>Source</a></div>
<pre class="rust item-decl"><code>pub struct Widget { <span class=comment>/* private fields */</span> }</code></pre><details class="toggle top-doc" open><summary class=hideme><span>Expand description</span></summary><div class=docblock><p>A widget.</p></div></details>
<h2 id=implementations class=section-header>Implementations<a href=#implementations class=anchor>§</a></h2><div id=implementations-list><details class="toggle method-toggle" open><summary><section id=method.run class=method>
<a class="src rightside" href=s>Source</a><h4 class=code-header>pub fn <a href=#method.run class=fn>run</a>(n: <a href=u>u8</a>) -&gt; Self</h4></section></summary><div class=docblock><p>Mind the gap.</p></div></details></div></section></div></main></body></html>"""

GITHUB = """<html><head><title>acme/docs/steps.md at main · acme/acme · GitHub</title></head><body><div role=banner>NOISE</div><div class=repository-content><article class="markdown-body entry-content" itemprop=text>
<div class=markdown-heading><h1 tabindex=-1 class=heading-element dir=auto>Guide</h1><a id=user-content-guide class=anchor href=#guide><span aria-hidden=true class="octicon octicon-link"></span></a></div><p>Text.</p>
<div class=markdown-heading><h2 class=heading-element>Steps</h2><a id=user-content-steps class=anchor href=#steps><span class="octicon octicon-link"></span></a></div>
<div class="markdown-alert markdown-alert-note"><p class=markdown-alert-title><svg></svg>Note</p><p>Mind the gap.</p></div>
<div class="highlight highlight-source-python"><pre><span class=pl-k>if</span> x: <span class=pl-k>pass</span></pre><div class=zeroclipboard-container><clipboard-copy class=ClipboardButton></clipboard-copy></div></div></article></div><footer>NOISE</footer></body></html>"""

READ_THE_DOCS = """<html class=writer-html5><head><title>Guide &mdash; Acme 1.4 documentation</title></head><body class=wy-body-for-nav><div class=wy-grid-for-nav><nav class=wy-nav-side>NOISE</nav>
<section class=wy-nav-content-wrap><nav class=wy-nav-top>NOISE</nav><div class=wy-nav-content><div class=rst-content><div role=navigation aria-label=Breadcrumbs><ul class=wy-breadcrumbs><li>NOISE<li class=wy-breadcrumbs-aside>NOISE</ul><hr/></div>
<div role=main class=document itemscope><div itemprop=articleBody><section id=guide><h1>Guide<a class=headerlink href=#guide title=Link></a></h1><p>Text.</p><div class="contents local topic"><ul><li><a href=#steps>NOISE</a></ul></div>
<section id=steps><h2>Steps<a class=headerlink href=#steps></a></h2><div class="admonition note"><p class=admonition-title>Note</p><p>Mind the gap.</p></div>
<dl class="py function"><dt class="sig sig-object py" id=acme.run><span class="sig-prename descclassname"><span class=pre>acme.</span></span><span class="sig-name descname"><span class=pre>run</span></span><span class=sig-paren>(</span>n<span class=sig-paren>)</span><a class="reference internal" href=s><span class="viewcode-link"><span class=pre>NOISE</span></span></a><a class=headerlink href=#acme.run></a></dt>
<dd><p>Runs.</p><dl class="field-list simple"><dt class=field-odd>Parameters<span class=colon>:</span></dt><dd class=field-odd><p><strong>n</strong> – how often</p></dd></dl></dd></dl></section></section></div></div>
<footer><div class=rst-footer-buttons><a href=n>NOISE</a></div>NOISE</footer></div></div></section></div></body></html>"""

BY_HAND = """<html><head><title>My tool</title></head><body bgcolor=white><table width=100%><tr><td width=150><a href=a.html>NOISE</a><br><a href=b.html>NOISE</a></td><td>
<h1>My tool</h1><p>It does things, and does them well enough for a page by hand.</p><a name=steps></a><h2>Steps</h2><p>Mind the gap.<p>Then go<br>home.<hr><pre>
if x
  y</pre></td></tr></table></body></html>"""

PAGES = {
    "docusaurus": (DOCUSAURUS, "Install", "steps", ("Install", "Steps")),
    "material": (MATERIAL, "Setup", "steps", ("Setup", "Steps")),
    "docsy": (DOCSY, "Tasks", "steps", ("Tasks", "Steps")),
    "just the docs": (JUST_THE_DOCS, "Plugins", "steps", ("Plugins", "Steps")),
    "javadoc": (JAVADOC, "Class Widget", "run(int)", ("Class Widget", "Method Details", "run")),
    "doxygen": (
        DOXYGEN,
        "Acme: Widget Class Reference",
        "a1f",
        ("Acme: Widget Class Reference", "run()"),
    ),
    "rustdoc": (
        RUSTDOC,
        "Struct Widget",
        "method.run",
        ("Struct Widget", "Implementations", "run"),
    ),
    "github": (GITHUB, "Guide", "user-content-steps", ("Guide", "Steps")),
    "read the docs": (READ_THE_DOCS, "Guide", "steps", ("Guide", "Steps")),
    "by hand": (BY_HAND, "My tool", "steps", ("My tool", "Steps")),
}


def parse(markup: str) -> Document:
    return parse_html(RawDocument("p.html", markup.encode(), "0" * 64, "r1"), ParseOptions())


@pytest.mark.parametrize("generator", PAGES)
def test_content_is_found_and_nothing_around_it(generator: str) -> None:
    markup, title, anchor, path = PAGES[generator]
    document = parse(markup)
    assert document.title == title
    assert NOISE not in document.text
    said = next(one for one in document.blocks if "Mind the gap." in document.plain(one))
    section = document.sections[said.section]
    assert (section.anchor, section.path) == (anchor, path)


@pytest.mark.parametrize(
    ("generator", "language", "code"),
    [
        ("docusaurus", "bash", "npm i\nnpm start"),
        ("material", "python", "if x:\n    pass"),
        ("docsy", "yaml", "a:\n  b: 1"),
        ("just the docs", "ruby", "puts 1"),
        ("github", "python", "if x: pass"),
        ("by hand", "", "if x\n  y"),
    ],
)
def test_code_is_verbatim_with_its_language(generator: str, language: str, code: str) -> None:
    document = parse(PAGES[generator][0])
    blocks = [one for one in document.blocks if one.kind is BlockKind.CODE]
    assert [(one.language, document.text[one.start : one.end]) for one in blocks] == [
        (language, code)
    ]


@pytest.mark.parametrize(
    ("generator", "signature", "path"),
    [
        ("material", "run(x)", ("Setup", "Steps", "run")),
        ("javadoc", "public void run(int n)", ("Class Widget", "Method Details", "run")),
        ("doxygen", "void Widget::run ( int n )", ("Acme: Widget Class Reference", "run()")),
        ("rustdoc", "pub fn run(n: u8) -> Self", ("Struct Widget", "Implementations", "run")),
        ("read the docs", "acme.run(n)", ("Guide", "Steps", "acme.run")),
    ],
)
def test_signatures_stand_in_the_section_of_what_they_declare(
    generator: str, signature: str, path: tuple[str, ...]
) -> None:
    document = parse(PAGES[generator][0])
    blocks = [one for one in document.blocks if one.kind is BlockKind.SIGNATURE]
    found = {
        document.text[one.start : one.end]: document.sections[one.section].path for one in blocks
    }
    assert found[signature] == path


def test_tabs_labels_and_fields_read_as_they_show() -> None:
    docusaurus = parse(DOCUSAURUS)
    plain = [docusaurus.plain(one) for one in docusaurus.blocks]
    assert "note: Mind the gap." in plain
    assert plain[2:4] == ["npm it", "yarn it"]
    assert docusaurus.product_version == "2.0"
    fields = parse(READ_THE_DOCS)
    assert "Parameters: n – how often" in [fields.plain(one) for one in fields.blocks]
    assert fields.product_version == "1.4"


def test_several_articles_on_one_page_are_read_together() -> None:
    long = "<p>" + "Words that make it long. " * 10 + "</p>"
    document = parse(
        f"<body><nav><a href=x>{NOISE}</a></nav><div id=list><article><h2 id=a>A</h2>{long}</article>"
        f"<article><h2 id=b>B</h2>{long}</article></div><div class=site-footer>{NOISE}</div></body>"
    )
    assert [section.anchor for section in document.sections] == ["a", "b"]
    assert NOISE not in document.text
