//! promtool, and what Prometheus would have stored of an operator.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    path::PathBuf,
};

use anyhow::{Context as _, Result, ensure};
use jiff::Timestamp;
use lab::{guard, run, script};
use serde_json::{Value, json};
use tokio::process::Command;

use super::{alerts, rules_file};

/// What Prometheus adds to each series. The `ServiceMonitor` has it keep a label that the operator sets itself.
const TARGET: [(&str, &str); 3] =
    [("namespace", "crossaccount-system"), ("job", "crossaccount-operator-metrics"), ("instance", "10.0.0.1:8080")];

/// A command of promtool, which is built at the first time.
pub async fn promtool() -> Result<Command> {
    Ok(Command::new(script("prometheus.sh").await?.join("promtool")))
}

/// Scrapes of one operator, each at a minute after the first. A scrape is repeated each minute until the next: an operator in
/// the same state exports the same.
pub struct History {
    begun: Timestamp,
    scrapes: BTreeMap<usize, String>,
}

impl History {
    /// Begins with this scrape, now.
    pub fn from(scrape: String) -> Self {
        Self { begun: Timestamp::now(), scrapes: BTreeMap::from([(0, scrape)]) }
    }

    /// Goes on with this scrape at this minute; an empty one is a target that does not answer.
    pub fn then(mut self, minute: usize, scrape: impl Into<String>) -> Self {
        self.scrapes.insert(minute, scrape.into());
        self
    }

    /// The series in the notation of promtool, with a sample for each minute until `last`.
    fn series(&self, last: usize) -> Result<Vec<Value>> {
        let mut parsed = BTreeMap::new();
        for (minute, scrape) in &self.scrapes {
            parsed.insert(*minute, samples(scrape)?);
        }
        let all: BTreeSet<&String> = parsed.values().flat_map(BTreeMap::keys).collect();
        let one = |series: &String| {
            let mut values = String::new();
            for minute in 0..=last {
                let scrape = parsed.range(..=minute).next_back().map(|(_, samples)| samples);
                // Prometheus marks a series as stale when the next scrape does not have it.
                let value = scrape.and_then(|samples| samples.get(series)).map_or("stale", String::as_str);
                let _ = write!(values, "{value} ");
            }
            json!({"series": series, "values": values.trim_end()})
        };
        Ok(all.into_iter().map(one).collect())
    }

    /// Has promtool compare queries at minutes with the numbers that they are to give.
    pub async fn check(&self, expected: &[(usize, String, u32)]) -> Result<()> {
        let last = expected.iter().map(|(minute, ..)| *minute).max().context("nothing is asked")?;
        let queries = expected.iter().map(|(minute, query, number)| {
            json!({"expr": query, "eval_time": format!("{minute}m"), "exp_samples": [{"labels": "{}", "value": number}]})
        });
        let test = json!({
            "rule_files": [rules_file()],
            "evaluation_interval": "1m",
            "tests": [{
                "interval": "1m",
                "start_timestamp": self.begun.as_second().to_string(),
                "input_series": self.series(last)?,
                "promql_expr_test": queries.collect::<Vec<_>>(),
            }],
        });
        run_test(&test).await
    }

    /// Exactly these alerts fire at this minute, and each for one account, or for the operator as a whole.
    pub async fn fires(&self, minute: usize, firing: &[&str]) -> Result<()> {
        let all = alerts()?;
        let unknown: Vec<_> = firing.iter().filter(|alert| !all.contains(**alert)).collect();
        ensure!(unknown.is_empty(), "there are no alerts {unknown:?}");
        let number_of = |alert: &String| {
            let query = format!(r#"count(ALERTS{{alertname="{alert}",alertstate="firing"}}) or vector(0)"#);
            (minute, query, u32::from(firing.contains(&alert.as_str())))
        };
        self.check(&all.iter().map(number_of).collect::<Vec<_>>()).await.with_context(|| format!("at minute {minute}"))
    }
}

/// Runs a file of tests of promtool.
pub async fn run_test(test: &Value) -> Result<()> {
    let file: PathBuf = guard::scratch("promtool")?.join("test.yaml");
    // JSON is YAML.
    std::fs::write(&file, test.to_string())?;
    // Its findings are on both outputs.
    let output = promtool().await?.args(["test", "rules"]).arg(&file).output().await?;
    let (found, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    ensure!(output.status.success(), "promtool: {found}\n{errors}");
    Ok(())
}

/// The samples of an exposition, by series with the labels of the target.
fn samples(exposition: &str) -> Result<BTreeMap<String, String>> {
    let lines = exposition.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let (series, value) = line.rsplit_once(' ').with_context(|| format!("{line} has no value"))?;
            let (name, labels) = series.split_once('{').unwrap_or((series, ""));
            let labels = labels.trim_end_matches('}');
            let own = |label: &str| labels.starts_with(&format!("{label}=")) || labels.contains(&format!(",{label}="));
            let target =
                TARGET.iter().filter(|(label, _)| !own(label)).map(|(label, value)| format!("{label}=\"{value}\""));
            let all: Vec<String> =
                Some(labels.to_owned()).filter(|own| !own.is_empty()).into_iter().chain(target).collect();
            Ok((format!("{name}{{{}}}", all.join(",")), value.to_owned()))
        })
        .collect()
}

#[tokio::test]
async fn promtool_finds_nothing_to_complain_about_in_the_rules() -> Result<()> {
    run(promtool().await?.args(["check", "rules", "--lint=all", "--lint-fatal"]).arg(rules_file())).await?;
    Ok(())
}

#[test]
fn a_label_of_the_operator_is_kept_where_the_target_has_the_same() -> Result<()> {
    let found = samples("a{namespace=\"analytics\",name=\"x\"} 1\nb 2\n# EOF\n")?;
    let series: Vec<&str> = found.keys().map(String::as_str).collect();
    let target = "job=\"crossaccount-operator-metrics\",instance=\"10.0.0.1:8080\"";
    assert_eq!(
        series,
        [
            format!("a{{namespace=\"analytics\",name=\"x\",{target}}}"),
            format!("b{{namespace=\"crossaccount-system\",{target}}}")
        ]
    );
    Ok(())
}
