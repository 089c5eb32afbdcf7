//! The figures that heirloom is meant to reach: what was measured, and whether that is enough.

use crate::stats::Sample;
use crate::table::Table;

const MET: &str = "met";
const MISSED: &str = "**missed**";

/// Bounds that were looked at, in the order of the parts.
#[derive(Default)]
pub(crate) struct Bounds(Vec<[String; 4]>);

impl Bounds {
    /// `measured` is met when it is at most `bound`.
    pub(crate) fn at_most(&mut self, what: &str, bound: f64, measured: f64, unit: &str) {
        let verdict = if measured <= bound { MET } else { MISSED };
        self.add(what, format!("≤ {bound} {unit}"), format!("{measured:.2} {unit}"), verdict);
    }

    /// The median of `measured` is to be at least `bound`: missed when all that it could be is less.
    pub(crate) fn at_least(&mut self, what: &str, bound: f64, measured: &Sample) {
        let (median, interval) = (measured.median(), measured.interval_of_median());
        let verdict = if median >= bound {
            MET
        } else if interval.is_some_and(|(_, high)| high < bound) {
            MISSED
        } else {
            "not told apart"
        };
        let interval = interval.map(|(low, high)| format!(" [{low:.3}, {high:.3}]")).unwrap_or_default();
        self.add(what, format!("≥ {bound}"), format!("{median:.3}{interval}"), verdict);
    }

    fn add(&mut self, what: &str, bound: String, measured: String, verdict: &str) {
        self.0.push([what.to_owned(), bound, measured, verdict.to_owned()]);
    }

    pub(crate) fn table(&self) -> Option<Table> {
        let mut table = Table::new(&["what", "bound", "measured", ""]);
        self.0.iter().for_each(|row| table.row(row.clone()));
        (!self.0.is_empty()).then_some(table)
    }
}
