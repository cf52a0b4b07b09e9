//! The graph as one page that needs nothing else: no server, no network, no second file.

use serde_json::json;

use super::model::Graph;

const PAGE: &str = include_str!("page/page.html");
const STYLE: &str = include_str!("page/style.css");
const PROGRAM: &str = include_str!("page/program.js");
/// Draws the graph and finds paths: Cytoscape.js 3.35.0, the version in the npm registry, unchanged.
const CYTOSCAPE: &str = include_str!("page/cytoscape.min.js");

/// The page.
pub fn html(graph: &Graph) -> String {
    // JSON inside of HTML: a name with `</script>` in it must not end the element.
    let data = json!(graph).to_string().replace('<', "\\u003c");
    let mut page = PAGE;
    let mut text = String::with_capacity(PAGE.len() + CYTOSCAPE.len() + data.len() + 64 * 1024);
    for (place, part) in
        [("{{style}}", STYLE), ("{{data}}", &data), ("{{cytoscape}}", CYTOSCAPE), ("{{program}}", PROGRAM)]
    {
        let (before, after) = page.split_once(place).unwrap_or((page, ""));
        text.extend([before, part]);
        page = after;
    }
    text.push_str(page);
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::graph::model::{Kind, Node};
    use crate::cli::graph::{build::graph, fixture::objects};

    #[test]
    fn the_page_has_all_its_parts_and_loads_nothing() {
        let page = html(&graph(&objects()));
        for part in [STYLE, PROGRAM, CYTOSCAPE, "\"Role/analytics/reader\"", "</html>"] {
            assert!(page.contains(part), "{}", &part[..part.len().min(80)]);
        }
        let own = page.replace(CYTOSCAPE, "");
        for loading in ["src=", "href=", "@import", "fetch(", "url("] {
            assert!(!own.contains(loading), "{loading}");
        }
    }

    #[test]
    fn a_name_cannot_end_the_element_that_holds_the_data() {
        let mut graph = graph(&objects());
        graph.node("evil", Node::new(Kind::Role, "</script><script>alert(1)</script>"));
        let page = html(&graph);
        assert!(!page.contains("</script><script>alert"), "the name is not escaped");
    }
}
