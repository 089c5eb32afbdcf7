//! "Did you mean": the nearest of the words that there are.

/// What other programs call our settings.
const ELSEWHERE: &[(&str, &[&str])] = &[
    ("command", &["cmd", "exec", "execstart", "program", "args", "run", "start", "script", "entrypoint"]),
    ("listen", &["bind", "port", "addr", "address", "addresses", "host", "listener", "listeners", "socket", "sockets"]),
    ("workers", &["processes", "procs", "instances", "replicas", "numprocs", "concurrency"]),
    ("directory", &["cwd", "chdir", "dir", "root", "workdir", "workingdirectory"]),
    ("environment", &["env", "environ", "vars", "variables"]),
    ("env_file", &["envfile", "environmentfile", "dotenv"]),
    ("drain_grace", &["gracefultimeout", "killtimeout", "stoptimeout", "shutdowntimeout", "timeoutstopsec"]),
    ("ready_grace", &["starttimeout", "listentimeout", "starttimeoutsec", "timeoutstartsec"]),
    ("linger", &["keepalive", "keepalivetimeout"]),
    ("interval", &["period", "periodseconds", "every"]),
    ("timeout", &["timeoutseconds", "deadline"]),
    ("rise", &["successthreshold", "successes"]),
    ("fall", &["failurethreshold", "threshold", "failures", "retries"]),
    ("min_healthy_time", &["minreadyseconds", "minhealthy"]),
    ("surge", &["maxsurge", "maxparallel"]),
    ("auto_promote", &["autopromotion", "autopromotionseconds"]),
    ("progress_deadline", &["progressdeadlineseconds", "healthydeadline"]),
    ("health", &["healthcheck", "check", "checks", "probe", "readinessprobe"]),
    ("rollout", &["deploy", "deployment", "update", "strategy"]),
    ("stop_signal", &["killsignal", "stopsignal", "signal"]),
];

/// The word that was probably meant.
pub(super) fn nearest<'a>(word: &str, words: &[&'a str]) -> Option<&'a str> {
    let plain = |word: &str| word.to_lowercase().replace(['-', '_', ' '], "");
    let asked = plain(word);
    let elsewhere = ELSEWHERE.iter().find(|(_, names)| names.contains(&asked.as_str())).map(|(ours, _)| *ours);
    if let Some(known) = elsewhere.and_then(|ours| words.iter().find(|word| **word == ours)) {
        return Some(known);
    }
    let likeness = |candidate: &str| strsim::jaro_winkler(&asked, &plain(candidate));
    let (best, likeness) =
        words.iter().map(|word| (*word, likeness(word))).max_by(|(_, one), (_, other)| one.total_cmp(other))?;
    (likeness > 0.8).then_some(best)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_forgiven_and_rubbish_is_not_guessed_at() {
        let words = ["workers", "drain_grace", "listen", "directory"];
        assert_eq!(nearest("worker", &words), Some("workers"));
        assert_eq!(nearest("drain-grace", &words), Some("drain_grace"));
        assert_eq!(nearest("Listen", &words), Some("listen"));
        assert_eq!(nearest("WorkingDirectory", &words), Some("directory"));
        assert_eq!(nearest("xyzzy", &words), None);
        assert_eq!(nearest("", &words), None);
        assert_eq!(nearest("anything", &[]), None);
    }
}
