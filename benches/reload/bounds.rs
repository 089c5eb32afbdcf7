//! The figures that heirloom is meant to reach: what was measured, and whether that is enough.

use crate::stats::Sample;
use crate::table::Table;

/// Bounds that were looked at, in the order of the parts.
#[derive(Default)]
pub(crate) struct Bounds(Vec<[String; 4]>);

impl Bounds {
    /// `measured` is met when it is at most `bound`.
    pub(crate) fn at_most(&mut self, what: &str, bound: f64, measured: f64, unit: &str) {
        self.add(what, format!("≤ {bound} {unit}"), format!("{measured:.2} {unit}"), measured <= bound);
    }

    /// The median of `measured` is met when it is at least `bound`; how far it can be trusted stands beside it.
    pub(crate) fn at_least(&mut self, what: &str, bound: f64, measured: &Sample) {
        let median = measured.median();
        let interval = measured.interval_of_median().map(|(low, high)| format!(" [{low:.3}, {high:.3}]"));
        let shown = format!("{median:.3}{}", interval.unwrap_or_default());
        self.add(what, format!("≥ {bound}"), shown, median >= bound);
    }

    fn add(&mut self, what: &str, bound: String, measured: String, met: bool) {
        let verdict = if met { "met" } else { "**missed**" };
        self.0.push([what.to_owned(), bound, measured, verdict.to_owned()]);
    }

    pub(crate) fn table(&self) -> Option<Table> {
        let mut table = Table::new(&["what", "bound", "measured", ""]);
        self.0.iter().for_each(|row| table.row(row.clone()));
        (!self.0.is_empty()).then_some(table)
    }
}
