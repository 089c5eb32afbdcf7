//! The demo as a whole: it hears the master, does what the story wishes, and shows it. The only loop, and the only clock.

use std::sync::Arc;
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

use anyhow::Context;

use super::cast::Cast;
use super::embedded::Embedded;
use super::history::History;
use super::mishap::{self, Mishap};
use super::picture::{self, Palette, Picture};
use super::release::Place;
use super::scenario::{Scenario, Wish};
use super::screen::{self, Screen};
use super::traffic::{Counts, Traffic};
use super::{Demo, lines, report, summary, verdict};
use crate::arguments::Form;
use crate::exit_code::ExitCode;
use crate::show;
use heirloom::master::{Report, What};
use heirloom::supervision::Notice;

/// Between two pictures.
const FRAME: Duration = Duration::from_millis(100);
/// Why a demo ends before its story does.
const INTERRUPTED: &str = "interrupted";

/// Shows it, and says whether all of it went well.
pub(crate) fn demo(demo: Demo) -> ExitCode {
    match show_all(&demo) {
        Ok(code) => code,
        Err(error) => {
            show::error(&error, None);
            ExitCode::Failed
        }
    }
}

fn show_all(demo: &Demo) -> anyhow::Result<ExitCode> {
    let mut place = Place::new().context("cannot write a release")?;
    let master = Embedded::start(&place)?;
    let told = Play::begin(&master, &mut place, demo.output).and_then(Play::tell);
    let goes_on = demo.serve && told.as_ref().is_ok_and(|result| result.interrupted.is_none());
    if !goes_on {
        master.stop(told.is_err() || told.as_ref().is_ok_and(|result| result.interrupted.is_some()));
    }
    let code = told.and_then(|result| {
        match demo.output {
            Form::Text => summary::print(&result)?,
            Form::Json => report::print(&result)?,
        }
        Ok(result.exit_code())
    });
    if goes_on && code.is_ok() {
        serve(&master, demo.output)?;
    }
    // Nothing of it stays behind.
    master.join()?;
    code
}

/// Shows what the master tells, until it has ended.
fn serve(master: &Embedded, form: Form) -> anyhow::Result<()> {
    if form == Form::Text {
        summary::serving(master.address)?;
    }
    for report in &master.reports {
        // Whoever reads what we print may have gone; that is no reason to stop serving.
        let _ = show::report("heirloom", form, &report);
    }
    Ok(())
}

/// How it is shown.
#[derive(Debug)]
enum View {
    Picture(Screen, Palette),
    Lines,
    Nothing,
}

/// A demo that is under way.
#[derive(Debug)]
struct Play<'a> {
    master: &'a Embedded,
    place: &'a mut Place,
    began: Instant,
    scenario: Scenario,
    cast: Cast,
    history: History,
    counts: Counts,
    traffic: Option<Arc<Traffic>>,
    mishap: Option<Mishap>,
    interrupted: Option<&'static str>,
    view: View,
    /// So many steps have been told in lines.
    lines: usize,
}

impl<'a> Play<'a> {
    fn begin(master: &'a Embedded, place: &'a mut Place, form: Form) -> anyhow::Result<Play<'a>> {
        let view = match form {
            Form::Json => View::Nothing,
            Form::Text if screen::is_there() => {
                let screen = Screen::open().context("cannot show a picture on this terminal")?;
                View::Picture(screen, Palette { colours: screen::has_colours() })
            }
            Form::Text => {
                lines::beginning(master.address)?;
                View::Lines
            }
        };
        Ok(Play {
            master,
            place,
            began: Instant::now(),
            scenario: Scenario::begin(Duration::ZERO),
            cast: Cast::default(),
            history: History::default(),
            counts: Counts::default(),
            traffic: None,
            mishap: None,
            interrupted: None,
            view,
            lines: 0,
        })
    }

    /// Tells the story to its end.
    fn tell(mut self) -> anyhow::Result<verdict::Result> {
        let mut next_frame = Instant::now();
        while !self.scenario.is_over() {
            match self.master.reports.recv_timeout(next_frame.saturating_duration_since(Instant::now())) {
                Ok(report) => self.hear(&report)?,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => self.scenario.break_off("the master has ended", self.now()),
            }
            if Instant::now() >= next_frame {
                next_frame = Instant::now() + FRAME;
                self.frame()?;
            }
            if let Some(wish) = self.scenario.tick(self.now()) {
                self.fulfil(wish)?;
            }
        }
        self.end()
    }

    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    fn hear(&mut self, report: &Report) -> anyhow::Result<()> {
        self.cast.hear(report);
        let What::Rules(notice) = &report.what else { return Ok(()) };
        self.scenario.hear(notice, self.now());
        match notice {
            Notice::Promoted { .. } if self.traffic.is_none() => {
                self.traffic = Some(Arc::new(Traffic::start(self.master.address)?));
                self.history.note(self.now(), &self.counts.by_generation);
            }
            // Only now are its connections closed, and clients can see that they are.
            Notice::Exited { .. } if self.mishap.as_ref().is_some_and(|mishap| report.pid == Some(mishap.pid)) => {
                self.mishap = None;
            }
            Notice::Stopping { .. } => self.interrupt(),
            _ => {}
        }
        Ok(())
    }

    fn fulfil(&mut self, wish: Wish) -> anyhow::Result<()> {
        match wish {
            Wish::Deploy(conduct) => {
                self.place.deploy(conduct).context("cannot write a release")?;
                self.master.reload();
            }
            Wish::Kill => {
                if let (Some(pid), Some(traffic)) = (self.cast.somebody_who_serves(), &self.traffic) {
                    self.mishap = Some(mishap::kill(pid, traffic).context("cannot start a thread")?);
                }
            }
        }
        Ok(())
    }

    fn interrupt(&mut self) {
        self.interrupted = Some(INTERRUPTED);
        self.scenario.break_off(INTERRUPTED, self.now());
    }

    fn frame(&mut self) -> anyhow::Result<()> {
        if let (Some(traffic), None) = (&self.traffic, self.interrupted) {
            self.counts = traffic.counts();
            self.history.note(self.began.elapsed(), &self.counts.by_generation);
        }
        let picture = Picture {
            now: self.began.elapsed(),
            address: self.master.address,
            scenario: &self.scenario,
            cast: &self.cast,
            history: &self.history,
            counts: &self.counts,
        };
        match &mut self.view {
            View::Picture(screen, palette) => {
                screen.draw(|frame| picture::draw(&picture, *palette, frame))?;
                if screen.is_asked_to_leave()? {
                    self.interrupt();
                }
            }
            View::Lines => self.tell_lines()?,
            View::Nothing => {}
        }
        Ok(())
    }

    fn tell_lines(&mut self) -> anyhow::Result<()> {
        for told in self.scenario.told.iter().skip(self.lines) {
            lines::step(told)?;
        }
        self.lines = self.scenario.told.len();
        Ok(())
    }

    /// Lets every request be answered, gives the terminal back, and tells on it what happened.
    fn end(mut self) -> anyhow::Result<verdict::Result> {
        let took = self.now();
        self.mishap = None;
        if let (Some(traffic), None) = (&self.traffic, self.interrupted) {
            traffic.stop();
        }
        self.frame()?;
        if let View::Picture(..) = self.view {
            self.view = View::Lines;
            lines::beginning(self.master.address)?;
        }
        if let View::Lines = self.view {
            self.tell_lines()?;
        }
        let Play { scenario, cast, counts, interrupted, .. } = self;
        Ok(verdict::Result { told: scenario.told, counts, cast, took, interrupted })
    }
}
