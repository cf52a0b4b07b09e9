//! The graph as a Mermaid flowchart, as forges show it in Markdown. Mermaid draws at most 500 edges unless its `maxEdges` is
//! raised (Mermaid documentation, "Configuration").

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::dot::label;
use super::model::{Graph, Kind, Mark};

/// A flowchart, from left to right.
pub fn mermaid(graph: &Graph) -> String {
    let mut text = String::from("flowchart LR\n");
    let ids: BTreeMap<&String, usize> = graph.nodes.keys().zip(0..).collect();
    // Writing to a String cannot fail.
    for (node, number) in graph.nodes.values().zip(0..) {
        let (open, close) = match node.kind {
            Kind::Namespace | Kind::Account => ("[[", "]]"),
            Kind::Principal => ("([", "])"),
            Kind::Service | Kind::ManagedPolicy => ("{{", "}}"),
            Kind::Workload | Kind::Secret | Kind::Role => ("[", "]"),
        };
        let class = if node.marks.contains(&Mark::Admin) { ":::admin" } else { "" };
        let _ = writeln!(text, "  n{number}{open}\"{}\"{close}{class}", escaped(&label(node)));
    }
    for edge in &graph.edges {
        let (from, to, relation) = (ids[&edge.from], ids[&edge.to], <&str>::from(edge.relation));
        let _ = writeln!(text, "  n{from} -->|{relation}| n{to}");
    }
    text.push_str("  classDef admin fill:#f4a6a6\n");
    text
}

/// Mermaid takes characters of its own by their entities (Mermaid documentation, "Entity codes to escape characters").
fn escaped(text: &str) -> String {
    let escape = |c: char| match c {
        '\n' => "<br/>".to_owned(),
        '"' | '#' | '&' | '<' | '>' | '`' => format!("#{};", u32::from(c)),
        other => other.to_string(),
    };
    text.chars().map(escape).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::graph::{build::graph, fixture::objects};

    #[test]
    fn every_edge_connects_nodes_that_are_declared() {
        let text = mermaid(&graph(&objects()));
        assert!(text.contains("[\"Role<br/>analytics-reader\"]"), "{text}");
        assert!(text.contains(":::admin"), "{text}");
        let declared: Vec<&str> = text.lines().filter(|line| line.contains('"')).collect();
        for edge in text.lines().filter(|line| line.contains("-->")) {
            let (from, rest) = edge.trim().split_once(" -->|").expect("an arrow");
            let (_, to) = rest.split_once("| ").expect("a relation");
            for end in [from, to] {
                assert!(
                    declared.iter().any(|line| line.trim_start().starts_with(&format!("{end}["))
                        || line.trim_start().starts_with(&format!("{end}("))
                        || line.trim_start().starts_with(&format!("{end}{{"))),
                    "{end} in {text}"
                );
            }
        }
    }

    #[test]
    fn characters_with_a_meaning_in_mermaid_are_escaped() {
        assert_eq!(escaped("a\"b#c<d>"), "a#34;b#35;c#60;d#62;");
    }
}
