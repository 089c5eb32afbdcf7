//! The thread that shows: a terminal may be slow, and the master must not wait for it.

use std::io::{self, Write};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use tokio::runtime;
use tokio::sync::mpsc as wishes;

use super::screen::Screen;
use super::telling::{Line, Telling};
use crate::arguments::Form;
use heirloom::master::{Notices, Report};
use heirloom::observe::json;

/// So long are the last lines waited for.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// What else there is to show.
#[derive(Debug)]
pub(super) enum Wish {
    /// A clear screen.
    Clear,
    /// All that the last build or failure said.
    Log,
    /// This.
    Say(Line),
}

/// For wishing from elsewhere.
pub(super) type Wishes = wishes::UnboundedSender<Wish>;

/// The thread; its end is the end of the channel.
pub(super) struct Showing(mpsc::Receiver<()>);

impl Showing {
    /// Waits until all is shown, when the master is gone, or for as long as anybody can expect.
    pub(super) fn finish(self) {
        let _ = self.0.recv_timeout(LAST_WORDS); // nobody could be told that nobody reads
    }
}

/// Shows reports until the master is gone.
pub(super) fn start(form: Form, screen: Screen, notices: Notices) -> io::Result<(Showing, Wishes)> {
    let (ended, end) = mpsc::channel();
    let (wish, wished) = wishes::unbounded_channel();
    let runtime = runtime::Builder::new_current_thread().build()?;
    thread::Builder::new().name("show".into()).spawn(move || {
        let _ended: mpsc::Sender<()> = ended; // dropped when all is shown
        runtime.block_on(Show { form, screen, telling: Telling::default() }.all(notices, wished));
    })?;
    Ok((Showing(end), wish))
}

struct Show {
    form: Form,
    screen: Screen,
    telling: Telling,
}

impl Show {
    async fn all(mut self, mut notices: Notices, mut wished: wishes::UnboundedReceiver<Wish>) {
        loop {
            // Whoever reads what we print may have gone; that is no reason to stop serving.
            let _ = tokio::select! {
                report = notices.next() => match report {
                    Some(report) => self.report(&report, notices.lost()),
                    None => break,
                },
                Some(wish) = wished.recv() => self.fulfil(wish),
            };
        }
        let _ = self.screen.unpin(); // the shell goes on below what was said
    }

    fn report(&mut self, report: &Report, lost: u64) -> io::Result<()> {
        match self.form {
            Form::Json => writeln!(io::stdout().lock(), "{}", json(report)),
            Form::Text => {
                let mut lines = self.telling.hear(report);
                if lost > 0 {
                    lines.push(Line::Step(format!("{lost} lines are lost: they came faster than they could be shown")));
                }
                self.screen.show(&lines, self.telling.fault())
            }
        }
    }

    fn fulfil(&mut self, wish: Wish) -> io::Result<()> {
        let lines = match wish {
            Wish::Clear => return self.screen.clear(self.telling.fault()),
            Wish::Log => {
                let log = self.telling.log();
                let none = || vec![Line::Step("neither a build nor an error has said anything".into())];
                let lines = log.into_iter().map(|line| Line::Theirs(heirloom::master::Stream::Error, line)).collect();
                Some(lines).filter(|lines: &Vec<Line>| !lines.is_empty()).unwrap_or_else(none)
            }
            Wish::Say(line) => vec![line],
        };
        self.screen.show(&lines, self.telling.fault())
    }
}
