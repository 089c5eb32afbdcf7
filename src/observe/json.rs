//! A report as one line of JSON.

use crate::master::Report;

/// One line, without its end.
pub fn json(report: &Report) -> String {
    serde_json::to_string(report).expect("a report is numbers and texts")
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;
    use crate::master::What;
    use crate::supervision::{GenerationId, Notice};

    #[test]
    fn a_report_is_one_flat_object_that_can_be_read_back() {
        let notice = Notice::Promoted { generation: GenerationId(2), previous: Some(GenerationId(1)) };
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let report = Report { id: 7, time, what: What::Rules(notice), pid: None, last_lines: Vec::new() };
        let line = r#"{"id":7,"time":"2027-01-15T08:00:00.000000Z","notice":"promoted","generation":2,"previous":1}"#;
        assert_eq!(json(&report), line);
        assert_eq!(serde_json::from_str::<Report>(line).expect("it reads"), report);
    }
}
