//! The graph in the language of Graphviz.

use std::fmt::Write as _;

use super::model::{Graph, Kind, Mark, Node};
use crate::cli::paint::plain;

/// A directed graph, from left to right.
pub fn dot(graph: &Graph) -> String {
    let mut text = String::from(
        "digraph access {\n  rankdir=LR;\n  node [fontname=\"sans-serif\", style=filled, fillcolor=white];\n",
    );
    // Writing to a String cannot fail.
    for (id, node) in &graph.nodes {
        let (label, shape, color) = (quoted(&label(node)), shape(node.kind), color(node));
        let _ = writeln!(text, "  {} [label={label}, shape={shape}, fillcolor=\"{color}\"];", quoted(id));
    }
    for edge in &graph.edges {
        let relation = <&str>::from(edge.relation);
        let _ = writeln!(text, "  {} -> {} [label=\"{relation}\"];", quoted(&edge.from), quoted(&edge.to));
    }
    text.push_str("}\n");
    text
}

/// What a node is called in a drawing: its kind, its name and its marks.
pub fn label(node: &Node) -> String {
    let marks: Vec<&str> = node.marks.iter().map(|mark| <&str>::from(*mark)).collect();
    let marks = if marks.is_empty() { String::new() } else { format!("\n[{}]", marks.join(", ")) };
    format!("{}\n{}{marks}", <&str>::from(node.kind), plain(&node.label))
}

fn shape(kind: Kind) -> &'static str {
    match kind {
        Kind::Namespace => "folder",
        Kind::Workload => "component",
        Kind::Secret => "note",
        Kind::Principal => "oval",
        Kind::Role => "box",
        Kind::Service | Kind::ManagedPolicy => "hexagon",
        Kind::Account => "house",
    }
}

fn color(node: &Node) -> &'static str {
    if node.marks.contains(&Mark::Admin) {
        "#f4a6a6"
    } else if node.marks.contains(&Mark::NotReady) {
        "#d0d0d0"
    } else if node.marks.is_empty() {
        "#ffffff"
    } else {
        "#ffe2a8"
    }
}

/// A double-quoted string: a backslash stays one, except before a quote (Graphviz documentation, "DOT Language").
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::graph::{build::graph, fixture::objects};

    #[test]
    fn nodes_have_shapes_and_labels_and_edges_their_relation() {
        let text = dot(&graph(&objects()));
        for line in [
            "  \"Role/analytics/reader\" [label=\"Role\\nanalytics-reader\", shape=box, fillcolor=\"#ffffff\"];",
            "  \"Secret/analytics/aws\" -> \"Role/analytics/reader\" [label=\"ActsAs\"];",
        ] {
            assert!(text.contains(line), "{text}");
        }
        assert!(text.contains("AdministratorAccess\\n[Admin, AnyAction]"), "{text}");
    }

    #[test]
    fn a_policy_sends_a_terminal_nothing_that_it_obeys() {
        let node = Node::new(Kind::Service, "s3: Get\u{1b}[2JObject");
        assert_eq!(label(&node), "Service\ns3: Get\\u{1b}[2JObject");
    }

    #[test]
    fn no_name_ends_its_quotes() {
        assert_eq!(quoted("a\"b\\c\nd"), "\"a\\\"b\\\\c\\nd\"");
    }
}
