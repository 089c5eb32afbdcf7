//! How the steps of a rollout, percentages, strategies, and what a check wants are written. Pure text.

use super::suggestion;
use super::values::{Wrong, duration};
use crate::health::StatusRange;
use crate::supervision::{CanaryStep, ErrorBudget, Strategy};

/// What a step looks like, for whoever cannot ask the parser.
pub(super) const STEP: &str = r"^\s*[0-9]{1,3}\s*%?(\s+(for\s+)?([0-9]+\s*[a-zA-Zµ]+\s*)+)?\s*$";
/// What a share looks like.
pub(super) const PERCENTAGE: &str = r"^\s*[0-9]+(\.[0-9]+)?\s*%?\s*$";
/// What statuses look like.
pub(super) const STATUS: &str = r"^([1-5][0-9]{2}(-[1-5][0-9]{2})?|[1-5]xx)$";

/// How new connections come to a newcomer.
///
/// # Errors
/// When there is no strategy of that name.
pub fn strategy(text: &str) -> Result<Strategy, Wrong> {
    text.parse().map_err(|_| {
        let names = Strategy::ALL.map(|strategy| strategy.to_string());
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let all =
            || format!("there are {}", names.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", "));
        let hint = suggestion::nearest(text, &names).map_or_else(all, |name| format!("did you mean \"{name}\"?"));
        Wrong::new("there is no such strategy", hint)
    })
}

/// A step: `5% for 10m`, or `5%`, which lasts until somebody promotes.
pub(super) fn step(text: &str) -> Result<CanaryStep, Wrong> {
    let hint = "write \"5% for 10m\", or \"5%\": until somebody promotes";
    let trimmed = text.trim();
    let digits = trimmed.len() - trimmed.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, rest) = trimmed.split_at(digits);
    if number.is_empty() {
        return Err(Wrong::new("this is no step", hint));
    }
    let percent = number.parse().ok().filter(|percent| (1..=100).contains(percent));
    let percent = percent.ok_or_else(|| Wrong::new("a share is from 1% to 100%", hint))?;
    let rest = rest.trim_start();
    let rest = rest.strip_prefix('%').unwrap_or(rest).trim_start();
    let time = rest.strip_prefix("for ").unwrap_or(rest).trim();
    let hold = match time {
        "" => None,
        _ if percent == 100 => {
            return Err(Wrong::new("100% is the promotion: it lasts for good", "write \"100%\" without a time"));
        }
        time => match duration(time)? {
            std::time::Duration::ZERO => return Err(Wrong::new("a step takes some time", hint)),
            time => Some(time),
        },
    };
    Ok(CanaryStep { percent, hold })
}

/// A step as it is written.
pub(super) fn written_step(step: &CanaryStep) -> String {
    let hold = step.hold.map(|hold| format!(" for {}", humantime::format_duration(hold)));
    format!("{}%{}", step.percent, hold.unwrap_or_default())
}

/// A share of all requests: `1%`, `0.5 %`, `1`.
pub(super) fn budget(text: &str) -> Result<ErrorBudget, Wrong> {
    let hint = "write \"1%\" or \"0.5%\"";
    let number = text.trim().trim_end_matches('%').trim_end();
    let number: f64 = number.parse().map_err(|_| Wrong::new("this is no share", hint))?;
    match ErrorBudget::percent(number) {
        Some(ErrorBudget { per_million: 0 }) => Err(Wrong::new("then the first error is too much", hint)),
        Some(budget) => Ok(budget),
        None => Err(Wrong::new("a share is from 0% to 100%", hint)),
    }
}

/// `200`, `200-399`, `2xx`.
pub(super) fn status_range(text: &str) -> Result<StatusRange, Wrong> {
    let hint = "write 200, \"200-399\", \"2xx\", or a list of those";
    let wrong = || Wrong::new("this is no HTTP status", hint);
    let number = |text: &str| text.trim().parse().ok().filter(|status| (100..=599).contains(status));
    let class = text.trim().strip_suffix("xx").and_then(|class| class.parse::<u16>().ok());
    let (first, last) = match (class, text.split_once('-')) {
        (Some(class @ 1..=5), _) => (class * 100, class * 100 + 99),
        (None, Some((first, last))) => (number(first).ok_or_else(wrong)?, number(last).ok_or_else(wrong)?),
        (None, None) => number(text).map(|status| (status, status)).ok_or_else(wrong)?,
        (Some(_), _) => return Err(wrong()),
    };
    if first > last {
        return Err(Wrong::new("it ends before it begins", hint));
    }
    Ok(StatusRange { first, last })
}

/// What a check asks for: `/healthz`.
///
/// # Errors
/// When it is no path.
pub fn health_path(text: &str) -> Result<String, Wrong> {
    let of_url = text.split_once("://").map(|(_, rest)| rest.find('/').map_or("/", |slash| &rest[slash..]));
    match of_url {
        Some(path) => Err(Wrong::new("this is a whole URL", format!("write only its path: \"{path}\""))),
        None if !text.starts_with('/') => Err(Wrong::new("a path begins with a slash", format!("write \"/{text}\""))),
        None if !text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#') => {
            Err(Wrong::new("this is no path of a request", "encode what is not plain ASCII: %20 for a space"))
        }
        None => Ok(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_step_is_a_share_and_a_time() {
        let minutes = |minutes: u64| Some(Duration::from_secs(60 * minutes));
        for (text, percent, hold) in [
            ("5% for 10m", 5, minutes(10)),
            ("5% 10m", 5, minutes(10)),
            (" 5 % for 1h 30m ", 5, minutes(90)),
            ("25", 25, None),
            ("25%", 25, None),
            ("100%", 100, None),
        ] {
            assert_eq!(step(text), Ok(CanaryStep { percent, hold }), "{text}");
        }
        for text in ["", "%", "x", "0%", "101%", "5% for", "5% for ever", "5% for 0", "100% for 1m", "5%% 1m", "-5%"] {
            assert!(step(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_step_is_shown_as_it_can_be_written() {
        for text in ["5% for 10m", "25%", "100%"] {
            assert_eq!(step(text).map(|step| written_step(&step)), Ok(text.to_owned()));
        }
    }

    #[test]
    fn statuses_are_one_a_range_or_a_class() {
        for (text, first, last) in [("204", 204, 204), ("200-399", 200, 399), ("3xx", 300, 399)] {
            assert_eq!(status_range(text), Ok(StatusRange { first, last }), "{text}");
        }
        for text in ["", "20", "600", "200-", "399-200", "6xx", "xx", "ok"] {
            assert!(status_range(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_share_may_have_its_sign_and_a_fraction() {
        let per_million = |per_million| Ok(ErrorBudget { per_million });
        assert_eq!(budget("1%"), per_million(10_000));
        assert_eq!((budget("0.5 %"), budget("2")), (per_million(5_000), per_million(20_000)));
        for text in ["0", "-1", "101%", "NaN", "inf", "few", ""] {
            assert!(budget(text).is_err(), "{text}");
        }
    }
}
