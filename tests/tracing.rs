//! Traces: what a collector gets, what it never gets, and that nothing waits for it.

mod absent;
mod calls;
mod proxied;

use anyhow::{Context as _, Result, ensure};

use lab::{
    env::TestEnv,
    operator::OperatorSettings,
    otlp::{Collector, Span},
    wait::eventually,
};

/// The operator of a test, which sends its spans to a URL at once.
fn sending_to(env: &TestEnv, url: &str) -> OperatorSettings {
    env.settings.clone().env("OTEL_EXPORTER_OTLP_ENDPOINT", url).env("OTEL_BSP_SCHEDULE_DELAY", "100")
}

/// Waits until a reconcile of an object is traced that ended like this.
async fn reconciled(collector: &Collector, name: &str, outcome: &str) -> Result<Span> {
    eventually(&format!("a reconcile of {name} ended as {outcome}"), async || {
        let spans = collector.spans();
        let is_wanted = |span: &&Span| {
            span.is_root() && span.get("crossaccount.name") == name && span.get("crossaccount.outcome") == outcome
        };
        let found = spans.iter().find(is_wanted);
        found.cloned().with_context(|| format!("{spans:#?}, {:?}", collector.problems()))
    })
    .await
}

/// The names of spans, sorted.
fn names(spans: &[Span]) -> Vec<String> {
    let mut names: Vec<String> = spans.iter().map(|span| span.name.clone()).collect();
    names.sort();
    names
}

/// Everything a collector got was as the protocol has it.
fn well_formed(collector: &Collector) -> Result<()> {
    ensure!(collector.problems().is_empty(), "{:?}", collector.problems());
    Ok(())
}
