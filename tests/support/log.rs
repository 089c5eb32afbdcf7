//! What a master says, as it says it: notices with the instant at which they were made, and other lines.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::{Instant, SystemTime};

use heirloom::master::{Report, Stream};

use super::LIMIT;

/// One notice, and when the master made it.
#[derive(Clone, Debug)]
pub(crate) struct Said {
    pub(crate) at: Instant,
    pub(crate) report: Report,
}

#[derive(Default)]
struct Pages {
    said: Vec<Said>,
    /// Everything, in the order in which it was read.
    lines: Vec<String>,
    /// Of these, what came on standard error.
    error_lines: Vec<String>,
    streams_that_ended: usize,
    /// Up to here, somebody has waited for what he found.
    cursor: usize,
}

/// Both streams of a master.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<(Mutex<Pages>, Condvar)>);

impl Log {
    pub(crate) fn read(&self, stdout: impl Read + Send + 'static, stderr: impl Read + Send + 'static) {
        self.follow(BufReader::new(stdout), Stream::Output);
        self.follow(BufReader::new(stderr), Stream::Error);
    }

    fn follow(&self, lines: impl BufRead + Send + 'static, stream: Stream) {
        let log = self.clone();
        thread::spawn(move || {
            for line in lines.lines().map_while(Result::ok) {
                log.write(line, stream);
            }
            log.pages().streams_that_ended += 1;
            log.0.1.notify_all();
        });
    }

    fn write(&self, line: String, stream: Stream) {
        let report = serde_json::from_str::<Report>(&line).ok().filter(|_| stream == Stream::Output);
        let mut pages = self.pages();
        if let Some(report) = report {
            let ago = SystemTime::now().duration_since(report.time).unwrap_or_default();
            pages.said.push(Said { at: Instant::now() - ago, report });
        }
        if stream == Stream::Error {
            pages.error_lines.push(line.clone());
        }
        pages.lines.push(line);
        drop(pages);
        self.0.1.notify_all();
    }

    /// Waits for the next notice that answers the question, after the one that was waited for last.
    pub(crate) fn wait_for<T>(&self, what: &str, mut answer: impl FnMut(&Said) -> Option<T>) -> T {
        let mut looked_at = None;
        self.wait(what, |pages| {
            let from = looked_at.unwrap_or(pages.cursor);
            looked_at = Some(pages.said.len());
            let found = (from..pages.said.len()).find_map(|at| Some((at, answer(&pages.said[at])?)));
            found.map(|(at, found)| {
                pages.cursor = at + 1;
                found
            })
        })
    }

    /// Waits for a line that is no notice.
    pub(crate) fn wait_for_line(&self, wanted: &str) -> String {
        self.wait(&format!("a line with {wanted:?}"), |pages| {
            pages.lines.iter().find(|line| line.contains(wanted)).cloned()
        })
    }

    /// Waits until nobody writes any more.
    pub(crate) fn wait_for_the_end(&self) {
        self.wait("the end of the log", |pages| (pages.streams_that_ended == 2).then_some(()));
    }

    fn wait<T>(&self, what: &str, mut look: impl FnMut(&mut Pages) -> Option<T>) -> T {
        let until = Instant::now() + LIMIT;
        let mut pages = self.pages();
        loop {
            if let Some(found) = look(&mut pages) {
                return found;
            }
            let left = until.saturating_duration_since(Instant::now());
            let over = pages.streams_that_ended == 2;
            if left.is_zero() || over {
                let whole = text(&pages);
                drop(pages);
                let why = if over { "the master has ended" } else { "the time is over" };
                panic!("waited for {what}, but {why}; it said:\n{whole}");
            }
            pages = self.0.1.wait_timeout(pages, left).expect("nobody panics while writing").0;
        }
    }

    /// All notices so far.
    pub(crate) fn said(&self) -> Vec<Said> {
        self.pages().said.clone()
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.pages().lines.clone()
    }

    pub(crate) fn error_lines(&self) -> Vec<String> {
        self.pages().error_lines.clone()
    }

    pub(crate) fn text(&self) -> String {
        text(&self.pages())
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.0.0.lock().expect("nobody panics while writing")
    }
}

fn text(pages: &Pages) -> String {
    pages.lines.iter().fold(String::new(), |mut text, line| {
        let _ = writeln!(text, "  {line}");
        text
    })
}
