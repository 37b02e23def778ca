//! Medians and percentiles.

/// Returns the value below which `percent` of the values lie; 0 without values.
pub(crate) fn percentile(values: &[f64], percent: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().saturating_sub(1);
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an index of a few thousand values"
    )]
    let index = (last as f64 * percent / 100.0).round() as usize;
    sorted.get(index).copied().unwrap_or_default()
}

/// Returns the median.
pub(crate) fn median(values: &[f64]) -> f64 {
    percentile(values, 50.0)
}

/// Returns the lower quartile: what something takes while the machine does little else.
pub(crate) fn lower_quartile(values: &[f64]) -> f64 {
    percentile(values, 25.0)
}

/// Formats numbers on one line, for notes.
pub(crate) fn list(values: &[f64]) -> String {
    values.iter().map(|value| format!("{value:.0}")).collect::<Vec<_>>().join(" ")
}
