//! Text in the shape of a tree.

/// A line with lines below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Branch {
    label: String,
    below: Vec<Branch>,
}

impl Branch {
    /// A line with others below it. The label may be in colours.
    #[must_use]
    pub fn new(label: &str, below: Vec<Self>) -> Self {
        Self { label: label.to_owned(), below }
    }

    /// A line with nothing below it.
    #[must_use]
    pub fn leaf(label: String) -> Self {
        Self { label, below: Vec::new() }
    }
}

/// Draws a tree, and ends it with a line break.
#[must_use]
pub fn draw(root: &Branch) -> String {
    let mut drawn = format!("{}\n", root.label);
    below(root, "", &mut drawn);
    drawn
}

fn below(branch: &Branch, indent: &str, drawn: &mut String) {
    let last = branch.below.len().saturating_sub(1);
    for (index, child) in branch.below.iter().enumerate() {
        let (knee, rest) = if index == last { ("└── ", "    ") } else { ("├── ", "│   ") };
        drawn.extend([indent, knee, &child.label, "\n"]);
        below(child, &format!("{indent}{rest}"), drawn);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_hangs_on_the_line_that_it_belongs_to() {
        let leaf = |label: &str| Branch::leaf(label.to_owned());
        let tree = Branch::new("a", vec![Branch::new("b", vec![leaf("c"), leaf("d")]), leaf("e")]);
        assert_eq!(draw(&tree), "a\n├── b\n│   ├── c\n│   └── d\n└── e\n");
    }
}
