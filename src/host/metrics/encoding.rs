//! From a description to the library's registry and encoder.

use std::fmt;

use prometheus_client::{
    encoding::{DescriptorEncoder, MetricEncoder},
    metrics::MetricType,
    registry::{Metric, Registry},
};

use super::catalog::{Description, Kind};

/// Registers a metric that changes when something happens. The library appends a full stop to the help text.
pub(super) fn register(registry: &mut Registry, description: &Description, metric: impl Metric) {
    match description.suffix() {
        Some(unit) => registry.register_with_unit(description.stem(), description.help, unit.clone(), metric),
        None => registry.register(description.stem(), description.help, metric),
    }
}

/// Begins a metric that is read at each scrape.
pub(super) fn family<'a>(
    encoder: &'a mut DescriptorEncoder<'_>,
    description: &'static Description,
) -> Result<MetricEncoder<'a>, fmt::Error> {
    let kind = match description.kind {
        Kind::Counter => MetricType::Counter,
        Kind::Gauge => MetricType::Gauge,
        Kind::Histogram => MetricType::Histogram,
    };
    encoder.encode_descriptor(description.stem(), &format!("{}.", description.help), description.suffix(), kind)
}

/// The value of one series of a gauge.
pub(super) fn set(family: &mut MetricEncoder<'_>, labels: &[(&str, &str)], value: i64) -> fmt::Result {
    family.encode_family(&labels)?.encode_gauge(&value)
}
