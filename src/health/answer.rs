//! Whether an answer is good, and what to say when it is not. Pure.

use super::HttpCheck;

/// So much of a body is shown.
const SHOWN: usize = 160;

/// What is wrong with an answer, if anything is.
pub(super) fn fault(check: &HttpCheck, status: u16, body: &[u8]) -> Option<String> {
    let HttpCheck { path, .. } = check;
    if !check.is_good(status) {
        return Some(format!("GET {path} answered {status}, wanted {}{}", wanted(check), beginning(body)));
    }
    let text = check.body.as_deref()?;
    match holds(body, text) {
        true => None,
        false => Some(format!("GET {path} answered {status}, but without {text:?} in the body{}", beginning(body))),
    }
}

/// Whether the text is in there.
pub(super) fn holds(body: &[u8], text: &str) -> bool {
    body.windows(text.len().max(1)).any(|window| window == text.as_bytes())
}

fn wanted(check: &HttpCheck) -> String {
    check.status.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// How a body begins, in one line.
fn beginning(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(8 * SHOWN)]);
    let words: Vec<&str> =
        text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|it| !it.is_empty()).collect();
    let line = words.join(" ");
    let shown: String = line.chars().take(SHOWN).collect();
    match (shown.is_empty(), shown.len() < line.len()) {
        (true, _) => String::new(),
        (false, false) => format!("; body begins: {shown}"),
        (false, true) => format!("; body begins: {shown}…"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::{Scheme, StatusRange};

    #[test]
    fn a_status_that_is_not_wanted_is_told_with_the_beginning_of_the_body() {
        let check = HttpCheck::new(Scheme::Http, "/healthz");
        assert_eq!(fault(&check, 204, b""), None);
        assert_eq!(fault(&check, 500, b"").as_deref(), Some("GET /healthz answered 500, wanted 200-399"));
        let said = fault(&check, 503, b"the database\r\n\x1b[31m is gone\n").expect("it is no good status");
        assert_eq!(said, "GET /healthz answered 503, wanted 200-399; body begins: the database [31m is gone");
        let said = fault(&check, 404, &[b'x'; 1000]).expect("it is no good status");
        assert!(said.ends_with(&format!("{}…", "x".repeat(SHOWN))), "{said}");
    }

    #[test]
    fn several_statuses_can_be_wanted() {
        let status = vec![StatusRange { first: 200, last: 200 }, StatusRange { first: 301, last: 308 }];
        let check = HttpCheck { status, ..HttpCheck::new(Scheme::Http, "/") };
        assert_eq!(fault(&check, 302, b""), None);
        assert_eq!(fault(&check, 204, b"").as_deref(), Some("GET / answered 204, wanted 200, 301-308"));
    }

    #[test]
    fn a_body_must_hold_what_is_wanted() {
        let check = HttpCheck { body: Some("ready".into()), ..HttpCheck::new(Scheme::Http, "/") };
        assert_eq!(fault(&check, 200, b"all is ready\n"), None);
        let said = fault(&check, 200, b"starting").expect("it does not hold it");
        assert_eq!(said, "GET / answered 200, but without \"ready\" in the body; body begins: starting");
    }
}
