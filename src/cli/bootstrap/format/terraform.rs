//! Resources for Terraform, in HCL.

use std::fmt::Write as _;

use serde_json::Value;

use crate::decide::bootstrap::{Identity, Policy, Setup};

/// Partition and account of the provider's credentials.
pub(super) const PLACE: (&str, &str) =
    ("${data.aws_partition.current.partition}", "${data.aws_caller_identity.current.account_id}");

/// The data sources that [`PLACE`] names.
const DATA: &str = "data \"aws_caller_identity\" \"current\" {}\n\ndata \"aws_partition\" \"current\" {}\n\n";

/// The resources.
pub(super) fn render(setup: &Setup) -> String {
    let Setup { place, purpose, boundary, identity, policy, bounded_path: _ } = setup;
    let mut out = format!("# CrossAccountRole operator: {purpose}.\n\n");
    if place.account == PLACE.1 {
        out.push_str(DATA);
    }
    if let Some(Policy { name, description, document }) = boundary {
        let fields = [("name", text(name)), ("description", text(description)), ("policy", encoded(document))];
        block(&mut out, "resource \"aws_iam_policy\" \"boundary\"", &fields);
    }
    let kind = identity.kind();
    let fields = match identity {
        Identity::Role { name, description, trust } => {
            vec![("name", text(name)), ("description", text(description)), ("assume_role_policy", encoded(trust))]
        }
        Identity::User { name } => vec![("name", text(name))],
    };
    block(&mut out, &format!("resource \"aws_iam_{kind}\" \"identity\""), &fields);
    let kind_name = kind.to_string();
    let reference = format!("aws_iam_{kind}.identity.name");
    let fields = [("name", text(&policy.name)), (kind_name.as_str(), reference), ("policy", encoded(&policy.document))];
    block(&mut out, &format!("resource \"aws_iam_{kind}_policy\" \"identity\""), &fields);
    if boundary.is_some() {
        block(&mut out, "output \"boundary_arn\"", &[("value", "aws_iam_policy.boundary.arn".to_owned())]);
    }
    block(&mut out, "output \"identity_arn\"", &[("value", format!("aws_iam_{kind}.identity.arn"))]);
    out.truncate(out.trim_end().len());
    out.push('\n');
    out
}

fn block(out: &mut String, head: &str, fields: &[(&str, String)]) {
    let widest = fields.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    let lines: String = fields.iter().fold(String::new(), |mut lines, (name, value)| {
        let _ = writeln!(lines, "  {name:widest$} = {value}");
        lines
    });
    let _ = write!(out, "{head} {{\n{lines}}}\n\n");
}

/// A quoted text. What it may hold needs no other escapes in HCL than in JSON.
fn text(value: &str) -> String {
    Value::from(value).to_string()
}

fn encoded(document: &Value) -> String {
    format!("jsonencode({})", expression(document, 1))
}

/// A JSON value as an HCL expression.
fn expression(value: &Value, depth: usize) -> String {
    let (inner, outer) = ("  ".repeat(depth + 1), "  ".repeat(depth));
    match value {
        Value::Array(values) => {
            let lines = values.iter().map(|value| format!("{inner}{},\n", expression(value, depth + 1)));
            format!("[\n{}{outer}]", lines.collect::<String>())
        }
        Value::Object(fields) => {
            let lines =
                fields.iter().map(|(key, value)| format!("{inner}{} = {}\n", text(key), expression(value, depth + 1)));
            format!("{{\n{}{outer}}}", lines.collect::<String>())
        }
        other => other.to_string(),
    }
}
