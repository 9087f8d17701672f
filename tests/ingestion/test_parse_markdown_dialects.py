from textwrap import dedent

import pytest

from groundwork.core.documents import BlockKind, Document, RawDocument
from groundwork.ingestion.parse import ParseOptions, parse
from groundwork.ingestion.parse.dialect import dialect_of
from groundwork.ingestion.parse.options import Site

P, L, C = BlockKind.PARAGRAPH, BlockKind.LIST_ITEM, BlockKind.CODE


def read(text: str, site: Site = "auto", page: str = "docs/page.md") -> Document:
    raw = RawDocument(page, dedent(text).lstrip("\n").encode(), "0", "r1")
    return parse(raw, ParseOptions(site=site, url_base="https://x.org"))


def blocks(document: Document) -> list[tuple[BlockKind, str]]:
    return [(block.kind, document.plain(block)) for block in document.blocks]


@pytest.mark.parametrize(
    ("page", "text", "site"),
    [
        ("a.md", "{{< note >}}\n", "hugo"),
        ("a.md", "```\n{{< note >}}\n```\n", "github"),
        ("a.mdx", "text", "docusaurus"),
        ("a.md", "import Tabs from '@theme/Tabs';\n", "docusaurus"),
        ("a.md", ":::tip\nx\n:::\n", "docusaurus"),
        ("a.md", '!!! note "T"\n    x\n', "mkdocs"),
        ("a.md", '=== "Tab"\n    x\n', "mkdocs"),
        ("a.md", "```{note}\nx\n```\n", "sphinx"),
        ("a.md", "(label)=\n# T\n", "sphinx"),
        ("a.md", "# T\n\ntext\n", "github"),
    ],
)
def test_the_dialect_is_told_from_the_page(page: str, text: str, site: Site) -> None:
    assert dialect_of(page, text, "auto", "").site == site
    assert dialect_of(page, text, "github", "").site == "github"


def test_hugo_is_told_from_toml_and_its_folders() -> None:
    assert dialect_of("a.md", "text", "auto", "toml").site == "hugo"
    assert dialect_of("content/en/docs/a.md", "text", "auto", "yaml").site == "hugo"


def test_shortcodes_go_and_their_content_stays() -> None:
    document = read(
        """
        {{% alert title="Old Version" color="warning" %}}
        This **page** is about {{< glossary_tooltip text="pods" term_id="pod" >}}, see [it]({{< ref "a.md" >}}).
        {{% /alert %}}

        ## {{% heading "prerequisites" %}}
        Install the `v{{% latest-version %}}` release {{% latest-version %}} now, `{{% v %}}` too.

        - item
          {{% alert title="" %}}
          in the item
          {{% /alert %}}

        {{< figure src="a.png"
            title="Not shown"
        >}}
        {{< comment >}}
        not *this*
        {{< /comment >}}
        {{< tabs name="group" >}}
        {{% tab name="Linux" %}}
        On Linux.
        {{% /tab %}}
        {{< tab name="YAML" codelang="yaml" >}}
        a:
          - {{ b }}

        c: 1
        {{< /tab >}}
        {{< /tabs >}}
        {{< highlight go "linenos=table" >}}
        func main() {}
        {{< /highlight >}}
        """
    )
    assert blocks(document) == [
        (P, "Old Version"),
        (P, "This page is about pods, see it."),
        (P, "Install the v release now, too."),
        (L, "- item"),
        (P, "in the item"),
        (P, "Linux"),
        (P, "On Linux."),
        (P, "YAML"),
        (C, "a:\n  - {{ b }}\n\nc: 1"),
        (C, "func main() {}"),
    ]
    assert [block.language for block in document.blocks[-2:]] == ["yaml", "go"]
    assert document.sections[1].heading == "Before you begin"
    title = document.blocks[0]
    assert document.text[title.start : title.end] == "Old Version"


def test_shortcodes_in_code_are_code() -> None:
    document = read("{{< note >}}\n\n```sh\nx={{% version %}}\n{{< y >}}\n```\n")
    assert blocks(document) == [(C, "x={{% version %}}\n{{< y >}}")]


def test_an_escaped_shortcode_is_shown_as_one() -> None:
    assert blocks(read("Write {{</* note */>}} here. {{< x >}}\n", "hugo")) == [
        (P, "Write {{< note >}} here.")
    ]


def test_hugo_makes_the_anchor_of_the_source_of_a_heading() -> None:
    document = read("+++\ntitle = 'T'\n+++\n## See [foo](/bar)\n\na\n\n## Own {#own}\n\nb\n")
    assert [section.anchor for section in document.sections] == ["", "see-foobar", "own"]
    assert document.sections[1].heading == "See foo"


def test_definition_lists_are_blocks() -> None:
    document = read("{{< x >}}\n\nTerm\n: First *one*\n: Second\n")
    assert blocks(document) == [(P, "Term"), (P, "First one"), (P, "Second")]


MDX = """
import Tabs from '@theme/Tabs';
import {
  A,
} from 'x';

export const Badge = ({children}) => {
  const x = 1;

  return <b>{children}</b>;
};

# The Title

Text {/* not this */} with <Badge color="red">a badge</Badge> and `{/* code */}`.

{/* nor
this */}

:::note Mind *this*

Careful.

:::

:::tip[Bracketed]
Tip.
:::

<Tabs groupId="os"
  values={[{label: 'L', value: 'l'}]}>
<TabItem value="linux" label="Linux">

```bash title="x.sh"
export A={{ b }} # {/* kept */}
```

</TabItem>
  <TabItem value="mac" label="macOS">
    Indented prose.
  </TabItem>
</Tabs>

<div style={{display: 'none'}}>
ignore all
</div>

## Dup
## Dup
## Set {#explicit}
end
"""


def test_mdx_keeps_what_is_shown() -> None:
    document = read(MDX, page="docs/intro.mdx")
    assert blocks(document) == [
        (P, "Text with a badge and {/* code */}."),
        (P, "Mind this"),
        (P, "Careful."),
        (P, "Bracketed"),
        (P, "Tip."),
        (P, "Linux"),
        (C, "export A={{ b }} # {/* kept */}"),
        (P, "macOS"),
        (P, "Indented prose."),
        (P, "end"),
    ]
    # Docusaurus renders the title without an id.
    assert [section.anchor for section in document.sections] == ["", "", "dup", "dup-1", "explicit"]
    assert document.url == "https://x.org/docs/intro/"


def test_mkdocs_blocks_are_read_by_their_indentation() -> None:
    document = read(
        """
        # Top

        !!! note "My Title"
            Body **b**

            ```py
            x = 1
            ```

        === "Tab A"

            content a

            === "Nested"
                deep

        ??? warning
            folded

        ## Café
        ## Café

        para
        {: .cls }

        [TOC]
        """
    )
    assert blocks(document) == [
        (P, "My Title"),
        (P, "Body b"),
        (C, "x = 1"),
        (P, "Tab A"),
        (P, "content a"),
        (P, "Nested"),
        (P, "deep"),
        (P, "folded"),
        (P, "para"),
    ]
    assert [section.anchor for section in document.sections] == ["", "top", "cafe", "cafe_1"]


def test_myst_directives_are_read_by_their_name() -> None:
    document = read(
        """
        (my_label)=
        # The Title

        ```{admonition} Hey *you*
        :class: tip
        Inside {py:func}`~a.b.c` and {ref}`text <target>`.
        ```

        :::{warning}
        colon
        :::

        ```{code-block} python
        :linenos:
        print(1)
        ```

        ```{toctree}
        a
        b
        ```

        % a comment

        ````{tab-set}
        ```{tab-item} Label
        in the tab
        ```
        ````

        ```{eval-rst}
        .. note:: From *reST*
        ```
        """
    )
    assert blocks(document) == [
        (P, "Hey you"),
        (P, "Inside c and text."),
        (P, "colon"),
        (C, "print(1)"),
        (P, "Label"),
        (P, "in the tab"),
        (P, "From reST"),
    ]
    assert document.sections[1].anchor == "my-label"
    assert document.blocks[3].language == "python"
    assert document.url == "https://x.org/page.html"


def test_markup_of_another_generator_is_left_alone() -> None:
    document = read(":::note\n\n{{< x >}} !!! note\n", "github")
    assert blocks(document) == [(P, ":::note"), (P, "{{< x >}} !!! note")]
