use proptest::prelude::*;

use super::*;

/// The mistakes in `text`, as people see them.
fn shown(text: &str) -> String {
    let lines: Vec<String> = mistakes(text).lines().map(|line| line.trim_end().to_owned()).collect();
    lines.join("\n")
}

#[test]
fn a_mistake_is_shown_in_its_line_with_a_caret_and_a_hint() {
    let text = "command = [\"./server\"]\nworker = 4\n";
    let expected = "\
error: there is no setting `worker`
 --> heirloom.toml:2:1
  |
2 | worker = 4
  | ^^^^^^ unknown
  |
  = hint: did you mean `workers`?";
    assert_eq!(shown(text), expected);
}

#[test]
fn all_mistakes_are_shown_at_once() {
    let text = "command = \"./server -p 80\"\nsettle = 5\nwarm = oops\n[listen]\nhttp = \"8080\"\nlanes = 2\n";
    let expected = "\
error: `command` has a bad value
 --> heirloom.toml:1:11
  |
1 | command = \"./server -p 80\"
  |           ^^^^^^^^^^^^^^^^ this is text, not a list
  |
  = hint: write command = [\"./server\", \"-p\", \"80\"]

error: `settle` has a bad value
 --> heirloom.toml:2:10
  |
2 | settle = 5
  |          ^ a time needs its unit
  |
  = hint: write \"5s\", or \"5ms\"

error: this is no TOML
 --> heirloom.toml:3:8
  |
3 | warm = oops
  |        ^^^^ text stands in quotes
  |
  = hint: write warm = \"oops\"

error: `lanes` is a setting, but stands in the table `listen`
 --> heirloom.toml:6:1
  |
6 | lanes = 2
  | ^^^^^
  |
  = hint: write it above `[listen]`, with the other settings";
    assert_eq!(shown(text), expected);
}

#[test]
fn a_conflict_shows_both_places() {
    let text = "[listen]\nhttp = \"8080\"\nadmin = \"127.0.0.1:8080\"\n";
    let expected = "\
error: `http` and `admin` cannot both listen there: one covers the other
 --> heirloom.toml:3:1
  |
2 | http = \"8080\"
  | ---- the other
3 | admin = \"127.0.0.1:8080\"
  | ^^^^^ this one
  |
  = hint: give one of them another port, or leave it out";
    assert_eq!(shown(text), expected);
}

#[test]
fn a_file_that_names_no_program_is_told_so() {
    let expected = "\
error: there is no program to run: `command` is missing, and none was given on the command line
--> heirloom.toml
 = hint: write `command = [\"./server\"]`, or run `heirloom run -- ./server`";
    assert_eq!(shown("workers = 2"), expected);
}

#[test]
fn only_so_many_mistakes_are_shown() {
    let text: String = (0..25).map(|number| format!("xyzzy{number} = 1\n")).collect();
    assert!(shown(&text).ends_with("\n\nand 5 more"));
}

/// A mistake, where it is, what stands at its caret, and the hint.
const MISTAKES: &[(&str, &str, &str, &str)] = &[
    // Keys.
    ("drain-grace = \"3s\"", "1:1", "unknown", "did you mean `drain_grace`?"),
    ("bind = \"8080\"", "1:1", "unknown", "did you mean `listen`?"),
    ("[env]\nA = \"b\"", "1:2", "unknown", "did you mean `environment`?"),
    ("[listen.a]\naddress = 80\nmod = \"0600\"", "3:1", "unknown", "did you mean `mode`?"),
    ("[listen.a]\naddress = 80\nworkers = 1", "3:1", "", "write it above `[listen.a]`, with the other settings"),
    ("[environment]\nwarm = \"1s\"", "2:1", "", "write it above `[environment]`, with the other settings"),
    // No TOML.
    ("listen = 127.0.0.1:8080", "1:10", "text stands in quotes", "write listen = \"127.0.0.1:8080\""),
    ("listen = \"1\"\nlisten = \"2\"", "2:1", "again", "write `listen = \"8080\"`, or one table [listen]"),
    ("listen = \"1\"\n[listen]\na = 2", "2:2", "again", "write `listen = \"8080\"`, or one table [listen]"),
    ("[listen]\na = 1\na = 2", "3:1", "again", "leave one of them out"),
    ("workers =", "1:10", "a value is missing", ""),
    ("workers: 3", "1:8", "an equals sign is wanted", "write workers = 3"),
    ("[listen", "1:8", "unclosed table", ""),
    ("name = \"web", "1:12", "invalid basic string", ""),
    // Times.
    ("settle = \"5\"", "1:10", "a time needs its unit", "write 5s, 5ms or 5m"),
    ("settle = \"soon\"", "1:10", "this is no time", "write 500ms, 10s, 1m 30s, 2h, or 0"),
    ("settle = \"-1s\"", "1:10", "this is no time", "write 500ms, 10s, 1m 30s, 2h, or 0"),
    ("settle = 1.5", "1:10", "this is a number, not a time", "write \"500ms\""),
    ("settle = true", "1:10", "this is true or false, not a time", "write \"500ms\""),
    ("settle = \"2years\"", "1:10", "that is longer than a year", ""),
    ("ready_grace = 0", "1:15", "no worker is ready after no time", "write 30s"),
    // Numbers.
    ("workers = 0", "1:11", "at least one worker must work", ""),
    ("workers = -1", "1:11", "there are no fewer workers than none", ""),
    ("workers = 99999999999999999999", "1:11", "more than 10000 workers are too many", ""),
    ("workers = \"4\"", "1:11", "this is text, not a number", "write it without quotes"),
    ("workers = \"many\"", "1:11", "this is text, not a number", "write a number, or \"auto\""),
    ("lanes = 33", "1:9", "out of range", "write a number from 1 to 32"),
    // Words.
    ("name = 3", "1:8", "this is a number, not text", "write it in quotes"),
    ("name = \"\"", "1:8", "this is no name", "write a word"),
    ("directory = \"\"", "1:13", "the path is empty", ""),
    ("env_file = \"a\\u0000b\"", "1:12", "it holds a zero byte", ""),
    ("dialect = \"sytsemd\"", "1:11", "there is no such dialect", "did you mean \"systemd\"?"),
    ("dialect = \"french\"", "1:11", "there is no such dialect", "there are \"auto\", \"query\""),
    ("stop_signal = \"KILL\"", "1:15", "no program can answer that signal", "write TERM"),
    ("stop_signal = \"WINCHH\"", "1:15", "there is no such signal", "write TERM"),
    ("mode = 0660", "1:8", "text stands in quotes", "write mode = \"0660\""),
    // The command.
    ("command = []", "1:11", "it names no program", "write command = [\"./server\"]"),
    ("command = [\"\"]", "1:11", "it names no program", "write command = [\"./server\"]"),
    ("command = [\"a\", 1]", "1:17", "this is a number, not text", "write each argument in quotes"),
    ("command = \"a | b\"", "1:11", "this is text, not a list", "write command = [\"sh\", \"-c\", \"a | b\"]"),
    ("command = 1", "1:11", "this is no list", "write command = [\"./server\""),
    // Listeners.
    ("listen = \"example.org:80\"", "1:10", "`example.org` is a host name", "give its IP address"),
    ("listen = \"70000\"", "1:10", "port 70000 is out of range", "ports end at 65535"),
    ("listen = 70000", "1:10", "ports are numbers from 0 to 65535", ""),
    ("listen = [\"80\"]", "1:10", "this is a list", "give each a name"),
    ("[[listen]]\na = 80", "1:1", "this is a list", "give each a name"),
    ("[listen]\n\"a:b\" = 80", "2:1", "", ""),
    ("[listen.a]\nlanes = 2", "1:9", "", "write address = \"127.0.0.1:8080\""),
    ("[listen.a]\naddress = 80\nmode = \"0600\"", "3:1", "`80` has none", "leave it out"),
    (
        "[listen.a]\naddress = \"/a\"\nmode = 660",
        "3:8",
        "this number is decimal",
        "write it in octal and in quotes: \"0660\"",
    ),
    ("[listen.a]\naddress = \"/a\"\nmode = \"0999\"", "3:8", "this is no mode", "write it in octal"),
    ("[listen.a]\naddress = \"/a\"\nmode = \"4755\"", "3:8", "it ends at 0777", ""),
    ("[listen.a]\naddress = \"unix:@a\"\nlanes = 3", "3:1", "", "leave `lanes` out"),
    ("[listen.a]\naddress = 80\nblocking = \"yes\"", "3:12", "this is text, not true or false", "write true or false"),
    ("[listen]\na = \"/a\"\nb = \"unix:/a\"", "3:1", "this one", "give one of them another"),
    // The environment.
    ("[environment]\nPORT = 80", "2:8", "this is a number, not text", "write it in quotes: \"80\""),
    ("[environment]\nLISTEN_FDS = \"1\"", "2:1", "", "leave it out"),
    ("[environment]\n\"A=B\" = \"1\"", "2:1", "", ""),
    // Health.
    ("health = \"/healthz\"", "1:10", "this is no table", "write [health]"),
    ("[health]\ninterval = \"1s\"", "1:2", "", "write http = \"/healthz\", or command"),
    ("[health]\nhttp = \"healthz\"", "2:8", "a path begins with a slash", "write \"/healthz\""),
    ("[health]\nhttp = \"http://a:80/ok\"", "2:8", "this is a whole URL", "write only its path: \"/ok\""),
    ("[health]\nhttp = \"/a b\"", "2:8", "this is no path of a request", "encode what"),
    ("[health]\nhttp = { status = 600 }", "2:19", "this is no HTTP status", "write 200, "),
    ("[health]\nhttp = { status = [] }", "2:19", "then no status is good", ""),
    ("[health]\nhttp = { pth = \"/\" }", "2:10", "unknown", "did you mean `path`?"),
    ("[health]\nhttp = { headers = { Host = \"a\" } }", "2:22", "", "write host = "),
    ("[health]\nhttp = { headers = { A = 1 } }", "2:26", "this is a number, not text", "a header's value"),
    ("[health]\nhttp = { listener = [] }", "2:21", "the list is empty", "write the name"),
    ("[health.https]\nhost = \"a b\"", "2:8", "this is no host", "write a name"),
    ("[health]\ncommand = \"./check -v\"", "2:11", "this is text", "write command = [\"./check\", \"-v\"]"),
    ("[health]\nhttp = \"/\"\ninterval = 0", "3:12", "nothing can be checked in no time", ""),
    ("[health]\nhttp = \"/\"\nfailureThreshold = 3", "3:1", "unknown", "did you mean `fall`?"),
    ("[health]\nhttp = \"/\"\nfall = 0", "3:8", "out of range", "write a number from 1"),
    ("[health]\nhttp = \"/\"\nworkers = 2", "3:1", "", "write it above `[health]`"),
    // The rollout.
    ("rollout = \"canary\"", "1:11", "this is no table", "write [rollout]"),
    ("[rollout]\nstrategy = \"bluegreen\"", "2:12", "there is no such strategy", "did you mean \"blue-green\"?"),
    ("[rollout]\nstrategy = \"slow\"", "2:12", "there is no such strategy", "there are \"all\""),
    ("[rollout]\nsteps = \"5%\"", "2:9", "this is no list", "write steps = ["),
    ("[rollout]\nsteps = []", "2:9", "there is no step", "write steps = ["),
    ("[rollout]\nsteps = [5, \"5% for 1m\"]", "2:13", "the step before is 5% already", "let each step"),
    ("[rollout]\nsteps = [\"100% for 1m\"]", "2:10", "100% is the promotion", "write \"100%\""),
    ("[rollout]\nsteps = [\"5% for 10\"]", "2:10", "a time needs its unit", "write 10s"),
    ("[rollout]\nsteps = [0.5]", "2:10", "this is a number, not text", "write steps = ["),
    ("[rollout]\nerror_budget = \"some\"", "2:16", "this is no share", "write \"1%\""),
    ("[rollout]\nerror_budget = 101", "2:16", "a share is from 0% to 100%", ""),
    ("[rollout]\nmaxSurge = 1", "2:1", "unknown", "did you mean `surge`?"),
    // Hooks.
    ("[hooks]\npre_reload = \"make\"", "2:14", "this is text", "write pre_reload = [\"make\"]"),
    ("[hooks]\npre-reload = [\"make\"]", "2:1", "unknown", "did you mean `pre_reload`?"),
    ("[watch]\npath = []", "2:1", "unknown", "did you mean `paths`?"),
    ("[watch]\npaths = \"server.conf\"", "2:9", "this is no list", "write paths = [\"server.conf\", \"/etc/server\"]"),
    ("[watch]\npaths = [\"\"]", "2:10", "the path is empty", ""),
    ("[watch]\nquiet = 0", "2:9", "a file is written in more than no time", ""),
    ("[watch]\npoll = true", "2:8", "how often is not said", "write poll = \"2s\", or \"auto\""),
    ("[watch]\npoll = 0", "2:8", "nobody looks all the time", "write poll = \"2s\", or false for never"),
    ("watch = true", "1:9", "this is no table", "write [watch] and below it binary = true"),
    ("[hooks]\ntimeout = 0", "2:11", "nothing can be run in no time", ""),
    // The process.
    ("process = 3", "1:11", "this is no table", "write [process]"),
    ("[process]\nusr = \"a\"", "2:1", "unknown", "did you mean `user`?"),
    ("[process]\nuser = \"\"", "2:8", "the name is empty", ""),
    ("[process]\ngroup = -1", "2:9", "nobody has that number", ""),
    ("[process]\nnice = 20", "2:8", "out of range", "write a number from -20 to 19"),
    ("[process]\noom_score_adj = \"low\"", "2:17", "this is no number", "write a number from -1000 to 1000"),
    ("[process]\numask = 27", "2:9", "this number is decimal", "write it in octal and in quotes: \"027\""),
    ("[process]\ninherit_environment = 1", "2:23", "this is neither", "write true, false, or a list"),
    ("[process]\nlimits = 4", "2:10", "this is no table", "write limits = {"),
    ("[process.limits]\nnofiles = 4", "2:1", "unknown", "did you mean `nofile`?"),
    ("[process.limits]\nnofile = \"much\"", "2:10", "this is no size", "write 65536"),
    ("[process.limits]\nnofile = \"5:4\"", "2:10", "the soft limit is above the hard one", ""),
    ("[process]\nworkers = 4", "2:1", "", "write it above `[process]`"),
    ("environment = 3", "1:15", "this is no table", "write [environment]"),
];

#[test]
fn each_mistake_has_its_place_its_words_and_its_hint() {
    for (text, place, label, hint) in MISTAKES {
        let shown = shown(text);
        assert!(shown.contains(&format!("--> heirloom.toml:{place}\n")), "{text}\n{shown}");
        let caret = shown.lines().find(|line| line.contains('^')).unwrap_or_else(|| panic!("no caret\n{shown}"));
        assert!(caret.contains(label), "{text}\n{shown}");
        assert!(hint.is_empty() || shown.contains(&format!("= hint: {hint}")), "{text}\n{shown}");
    }
}

#[test]
fn each_mistake_is_told_once() {
    for (text, ..) in MISTAKES {
        assert_eq!(shown(text).matches("error: ").count(), 1, "{text}\n{}", shown(text));
    }
}

#[test]
fn nothing_in_the_file_reaches_the_terminal_as_a_command() {
    assert!(!shown("\"\\u001b[2J\" = 1").contains('\u{1b}'));
    assert!(!shown("name = \"\u{1b}[2J").contains('\u{1b}'));
}

#[test]
fn colours_are_only_for_whoever_asks() {
    let Err(SettingsError::Config(error)) = Settings::from(Some(&source("a = 1")), Layer::default(), &around()) else {
        panic!("there is no setting `a`");
    };
    assert!(error.styled().contains('\u{1b}') && !error.to_string().contains('\u{1b}'));
}

fn never_panics(text: &str) {
    if let Err(error) = Settings::from(Some(&source(text)), Layer::default(), &around()) {
        assert!(!error.to_string().is_empty());
    }
}

/// Lines that are nearly right, to reach what rubbish does not.
fn lines() -> impl Strategy<Value = String> {
    let keys =
        prop::sample::select(&["command", "listen", "[listen]", "http", "settle", "lanes", "a.b", "é", "[[x]]"][..]);
    let values = prop::sample::select(
        &["=", "= 1", "= \"8080\"", "= [", "= {address=1,mode=\"0\"}", "= \"\"\"\n", "\r\n", "= é", "= 0x", "=1 #"][..],
    );
    prop::collection::vec((keys, values), 0..8)
        .prop_map(|lines| lines.iter().map(|(key, value)| format!("{key} {value}\n")).collect())
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "(?s).{0,80}") {
        never_panics(&text);
    }

    #[test]
    fn no_text_that_looks_like_toml_makes_it_panic(text in "[a-z=\"'\\[\\]{},.#0-9: \n\r\té\u{200b}字]{0,80}") {
        never_panics(&text);
    }

    #[test]
    fn no_lines_that_are_nearly_right_make_it_panic(text in lines()) {
        never_panics(&text);
    }
}
