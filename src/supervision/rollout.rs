//! How a newcomer takes over: all at once, on a word, share by share, worker by worker; and how its health is judged.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How a newcomer takes over once it has proved itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// All new connections at once.
    #[default]
    All,
    /// All at once, when somebody says so, or after a time.
    BlueGreen,
    /// A share of new connections first, then greater ones.
    Canary,
    /// A few workers at a time take over from as many: for machines without the memory for two generations.
    Rolling,
}

/// One step of a canary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CanaryStep {
    /// How much of all new connections goes to the newcomer, from 1 to 100 per cent.
    pub percent: u8,
    /// For how long; none: until somebody promotes it.
    pub hold: Option<Duration>,
}

/// How often a newcomer's health is checked, and how it is judged by that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// From the end of one round of checks to the next.
    pub interval: Duration,
    /// So many good rounds in a row prove it.
    pub rise: u32,
    /// So many bad rounds in a row are the end of it.
    pub fall: u32,
    /// And all rounds are good for at least so long.
    pub min_healthy: Duration,
}

/// Reported errors that are too many: more than this part of the requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorBudget {
    /// Errors among a million requests.
    pub per_million: u32,
}

/// The rollout of one release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rollout {
    /// How the newcomer takes over.
    pub strategy: Strategy,
    /// Blue-green: promoted by itself after so long; none: when somebody says so.
    pub auto_promote: Option<Duration>,
    /// The steps of a canary.
    pub steps: Vec<CanaryStep>,
    /// The same client always meets the same generation, by its address.
    pub sticky: bool,
    /// Rolling: so many workers more than wanted, at most.
    pub surge: u32,
    /// No listener can be shared by connection: a canary's share is one of workers.
    pub by_workers: bool,
    /// How its health is judged; none: nothing is checked.
    pub health: Option<Health>,
    /// From the wish for a reload until the newcomer is proved, at most.
    pub progress_deadline: Option<Duration>,
    /// More errors than that, as its workers report them, are the end of it.
    pub error_budget: Option<ErrorBudget>,
}

impl Default for Health {
    fn default() -> Self {
        Health { interval: Duration::from_secs(1), rise: 1, fall: 3, min_healthy: Duration::ZERO }
    }
}

impl Default for Rollout {
    fn default() -> Self {
        let tried = |percent| CanaryStep { percent, hold: Some(Duration::from_secs(600)) };
        Rollout {
            strategy: Strategy::All,
            auto_promote: None,
            steps: vec![tried(5), tried(25), CanaryStep { percent: 100, hold: None }],
            sticky: false,
            surge: 1,
            by_workers: false,
            health: None,
            progress_deadline: None,
            error_budget: None,
        }
    }
}

impl ErrorBudget {
    /// Fewer requests than this count as so many: two errors among three requests say little.
    const SAMPLE: u64 = 100;

    /// So many per cent, if that is one.
    pub fn percent(percent: f64) -> Option<ErrorBudget> {
        (0.0..=100.0).contains(&percent).then(|| ErrorBudget { per_million: (percent * 10_000.0).round() as u32 })
    }

    /// Whether so many errors are too many.
    pub fn is_exceeded(self, requests: u64, errors: u64) -> bool {
        let allowed = u128::from(requests.max(Self::SAMPLE)) * u128::from(self.per_million);
        u128::from(errors) * 1_000_000 > allowed
    }
}

impl fmt::Display for ErrorBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} %", f64::from(self.per_million) / 10_000.0)
    }
}

impl Strategy {
    /// All of them.
    pub const ALL: [Strategy; 4] = [Strategy::All, Strategy::BlueGreen, Strategy::Canary, Strategy::Rolling];
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Strategy::All => "all",
            Strategy::BlueGreen => "blue-green",
            Strategy::Canary => "canary",
            Strategy::Rolling => "rolling",
        })
    }
}

/// Not the name of a strategy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a strategy is one of `all`, `blue-green`, `canary` and `rolling`")]
pub struct UnknownStrategy;

impl FromStr for Strategy {
    type Err = UnknownStrategy;

    fn from_str(name: &str) -> Result<Strategy, UnknownStrategy> {
        Strategy::ALL.into_iter().find(|strategy| strategy.to_string() == name).ok_or(UnknownStrategy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_a_part_of_the_requests_and_one_mishap_among_the_first_is_not_half_of_all() {
        let budget = ErrorBudget::percent(1.5).expect("it is from 0 to 100");
        assert_eq!(budget.to_string(), "1.5 %");
        assert!(!budget.is_exceeded(2, 1));
        assert!(budget.is_exceeded(2, 2));
        assert!(!budget.is_exceeded(10_000, 150));
        assert!(budget.is_exceeded(10_000, 151));
        assert_eq!(ErrorBudget::percent(101.0), None);
    }

    #[test]
    fn a_strategy_is_known_by_its_name() {
        for strategy in Strategy::ALL {
            assert_eq!(strategy.to_string().parse(), Ok(strategy));
            assert_eq!(serde_json::to_value(strategy).ok(), Some(strategy.to_string().into()));
        }
        assert_eq!("green-blue".parse::<Strategy>(), Err(UnknownStrategy));
    }
}
