//! What `unused` says, for people.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;

use super::report::{Report, Service};
use crate::cli::paint::{FAINT, STRONG, WARN, painted, plain};

/// The report as a table, and the narrower policies as they are declared.
pub fn text(report: &Report) -> String {
    let Report { object, role_arn, reported_at, days, services, narrower_policies, notes, version: _ } = report;
    let role = plain(role_arn.as_deref().unwrap_or("the role"));
    let at = reported_at.map(|at| format!(", by IAM's report of {at}")).unwrap_or_default();
    let mut text = format!("{}: the services that {role} may use{at}\n\n", painted(STRONG, object));
    text.push_str(&table(services));
    let unused = services.iter().filter(|one| !one.used).count();
    let _ = match unused {
        0 => writeln!(text, "\nThe role used each of them in the last {days} days."),
        _ => writeln!(text, "\nThe role did not use {unused} of {} in the last {days} days.", services.len()),
    };
    for note in notes {
        let _ = writeln!(text, "{}", painted(WARN, note));
    }
    if !narrower_policies.is_empty() {
        text.push_str("\nNarrower policies without the unused services, for the declaration:\n\n");
        text.push_str(&declaration(narrower_policies));
    }
    text
}

/// One line for each service. Those that are not used stand out.
fn table(services: &[Service]) -> String {
    let head = ["SERVICE", "LAST USED", "ALLOWED BY"].map(str::to_owned);
    let rows: Vec<[String; 3]> = services.iter().map(row).collect();
    let width = |column: usize| rows.iter().chain([&head]).map(|row| row[column].len()).max().unwrap_or_default();
    let (first, second) = (width(0), width(1));
    let line = |[service, last, by]: &[String; 3]| format!("{service:first$}  {last:second$}  {by}");
    let mut table = format!("{}\n", painted(FAINT, &line(&head)));
    for (row, service) in rows.iter().zip(services) {
        let shown = if service.used { line(row) } else { painted(WARN, &line(row)) };
        let _ = writeln!(table, "{shown}");
    }
    table
}

fn row(service: &Service) -> [String; 3] {
    let Service { service, last_used, used: _, inline_policies } = service;
    let last = last_used.map_or_else(|| "not in 400 days".to_owned(), |at| at.to_string());
    let by = if inline_policies.is_empty() { "a managed policy".to_owned() } else { inline_policies.join(", ") };
    [plain(service), last, plain(&by)]
}

/// The part of the declaration that changes, as YAML.
fn declaration(policies: &BTreeMap<String, Option<Value>>) -> String {
    let kept: BTreeMap<&String, &Value> =
        policies.iter().filter_map(|(name, policy)| Some((name, policy.as_ref()?))).collect();
    let mut text = String::new();
    if !kept.is_empty() {
        let part = serde_json::json!({"spec": {"role": {"inlinePolicies": kept}}});
        text = serde_saphyr::to_string(&part).unwrap_or_else(|_| format!("{part}\n"));
    }
    for (name, _) in policies.iter().filter(|(_, policy)| policy.is_none()) {
        let _ = writeln!(text, "# Remove inline policy {}: it allows nothing that the role uses.", plain(name));
    }
    text
}
