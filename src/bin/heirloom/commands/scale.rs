//! `heirloom scale`: more workers, or less.

use std::str::FromStr;

use crate::asking::{self, Whom};
use crate::exit_code::ExitCode;
use crate::show;
use heirloom::control::model::{self, Outcome};

/// Set how many workers serve: a number, or so many more or less.
///
/// The next reload brings its own number of workers.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  heirloom scale 8\n  heirloom scale +1\n  heirloom scale -1")]
pub(crate) struct Scale {
    /// How many
    #[arg(value_name = "N|+N|-N", allow_hyphen_values = true)]
    workers: Number,
    /// Why, for the log
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    whom: Whom,
}

/// How many workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Number {
    Exactly(u32),
    By(i32),
}

impl FromStr for Number {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Number, &'static str> {
        let number = match text.starts_with(['+', '-']) {
            true => text.parse().ok().filter(|by| *by != 0).map(Number::By),
            false => text.parse().ok().filter(|workers| *workers != 0).map(Number::Exactly),
        };
        number.ok_or("write 8 for eight workers, +1 for one more, -1 for one less")
    }
}

pub(crate) fn scale(scale: Scale) -> ExitCode {
    let reason = scale.reason.clone();
    let question = match scale.workers {
        Number::Exactly(workers) => model::Scale { workers: Some(workers), by: None, reason },
        Number::By(by) => model::Scale { workers: None, by: Some(by), reason },
    };
    asking::ask(&scale.whom, scale.whom.patience(), async |client| {
        let answer = client.scale(&question).await?;
        let refused = answer.outcome == Outcome::Refused;
        match (scale.whom.wants_json(), refused) {
            (true, _) => {
                asking::print_json(&answer);
            }
            (false, true) => {
                let why = answer.why.as_deref().unwrap_or("no reason is given");
                show::error(&anyhow::anyhow!("the number of workers stays: {why}"), None);
            }
            (false, false) => {
                let wanted = answer.workers.map(|workers| crate::render::count(workers.into(), "worker"));
                asking::print(&format!("{} wanted now\n", wanted.unwrap_or_else(|| "it is".into())));
            }
        }
        Ok(if refused { ExitCode::Failed } else { ExitCode::Done })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_makes_it_a_difference() {
        assert_eq!("8".parse(), Ok(Number::Exactly(8)));
        assert_eq!("+1".parse(), Ok(Number::By(1)));
        assert_eq!("-2".parse(), Ok(Number::By(-2)));
        for nonsense in ["", "0", "+0", "-0", "many", "1.5", "--1", "99999999999"] {
            assert!(nonsense.parse::<Number>().is_err(), "{nonsense}");
        }
    }
}
