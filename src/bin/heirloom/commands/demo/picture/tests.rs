//! Pictures as they stand on a terminal, without a terminal.

use std::time::{Duration, SystemTime};

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;

use super::*;
use crate::commands::demo::scenario::ORIGIN;
use heirloom::load::Failure;
use heirloom::master::{Report, What};
use heirloom::supervision::{Exit, GenerationId, Notice, Origin, Reason, Slot, WorkerId};

/// A demo in its tenth second: generation 2 has followed generation 1, and generation 3 was given up.
struct Scene {
    scenario: Scenario,
    cast: Cast,
    history: History,
    counts: Counts,
}

fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

impl Scene {
    fn new() -> Scene {
        let mut scene = Scene {
            scenario: Scenario::begin(Duration::ZERO),
            cast: Cast::default(),
            history: History::default(),
            counts: Counts { answered: 12_345, by_generation: [(1, 3_000), (2, 9_345)].into(), ..Counts::default() },
        };
        let slot = Slot(0);
        for (number, at, pid) in [(1, 1.0, 11), (2, 4.0, 12)] {
            let generation = GenerationId(number);
            let previous = (number > 1).then(|| GenerationId(number - 1));
            scene.hear(at, Notice::Rising { generation, origin: Origin::new(ORIGIN) }, None);
            scene.hear(at, Notice::Started { generation, slot, worker: WorkerId(number.into()) }, Some(pid));
            scene.hear(at, Notice::Ready { generation, slot, worker: WorkerId(number.into()) }, Some(pid));
            scene.hear(at, Notice::Promoted { generation, previous }, None);
        }
        let generation = GenerationId(3);
        scene.hear(8.0, Notice::Rising { generation, origin: Origin::new(ORIGIN) }, None);
        let reason = Reason::Exited { slot, exit: Exit::Status(1) };
        scene.hear(8.4, Notice::GivenUp { generation, reason, serving: None }, None);
        for tenth in 10_u64..=100 {
            let (first, second) = (tenth.min(40), tenth.saturating_sub(40));
            let counts = [(1, (first - 10) * 100), (2, second * 100)].into();
            scene.history.note(Duration::from_millis(100 * tenth), &counts);
        }
        scene
    }

    fn hear(&mut self, at: f64, notice: Notice, pid: Option<u32>) {
        // What has been looked at for long enough makes way for the next step.
        let _ = self.scenario.tick(seconds(at));
        self.scenario.hear(&notice, seconds(at));
        let what = What::Rules(notice);
        self.cast.hear(&Report { id: 1, time: SystemTime::UNIX_EPOCH, what, pid, last_lines: Vec::new() });
    }

    fn drawn(&self, width: u16, height: u16, palette: Palette) -> Buffer {
        let Scene { scenario, cast, history, counts } = self;
        let address = "127.0.0.1:8000".parse().expect("an address");
        let picture = Picture { now: seconds(10.0), address, scenario, cast, history, counts };
        let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a terminal");
        terminal.draw(|frame| draw(&picture, palette, frame)).expect("it is drawn");
        terminal.backend().buffer().clone()
    }
}

fn lines(buffer: &Buffer) -> Vec<String> {
    let width = usize::from(buffer.area.width);
    let line = |cells: &[ratatui::buffer::Cell]| cells.iter().map(|cell| cell.symbol()).collect::<String>();
    buffer.content.chunks(width).map(|cells| line(cells).trim_end().to_owned()).collect()
}

const COLOURS: Palette = Palette { colours: true };

#[test]
fn all_of_it_fits_into_80_columns_and_24_lines() {
    let lines = lines(&Scene::new().drawn(80, 24, COLOURS));
    let text = lines.join("\n");
    for wanted in [
        "http://127.0.0.1:8000",
        "requests answered",
        "failed",
        "No client has met it.",
        " generation 2 ",
        "15 s",
        "✔ start",
        "↩ a release that crashes",
        "· a last reload",
        "1 ●  settling        3,000 answered",
        "2 ●  serving         9,345 answered",
        "3    given up    exited with status 1",
    ] {
        assert!(text.contains(wanted), "{wanted:?} is missing in:\n{text}");
    }
}

#[test]
fn bars_have_the_colours_of_their_generations() {
    let buffer = Scene::new().drawn(80, 24, COLOURS);
    let lowest = (1..80).map(|x| &buffer[(x, 13)]).filter(|cell| cell.symbol() == "█");
    let mut colours: Vec<_> = lowest.map(|cell| cell.fg).collect();
    colours.dedup();
    let of = |number| COLOURS.generation(number).fg.expect("a colour");
    assert_eq!(colours, [of(1), of(2)]);
}

#[test]
fn a_failed_request_is_red() {
    let mut scene = Scene::new();
    let word = |scene: &Scene| {
        let buffer = scene.drawn(80, 24, COLOURS);
        let line = lines(&buffer)[4].clone();
        let at = line.split("failed").next().expect("the word").chars().count();
        buffer[(at as u16, 4)].fg
    };
    assert_eq!(word(&scene), COLOURS.good().fg.expect("a colour"));
    scene.counts.failures.insert(Failure::Refused, 1);
    assert_eq!(word(&scene), COLOURS.bad().fg.expect("a colour"));
}

#[test]
fn without_colours_there_are_none_and_generations_differ_by_their_shade() {
    use ratatui::style::Color;
    let buffer = Scene::new().drawn(80, 24, Palette { colours: false });
    assert!(buffer.content.iter().all(|cell| cell.fg == Color::Reset && cell.bg == Color::Reset));
    let lowest = &lines(&buffer)[13];
    assert!(lowest.contains("█▒"), "{lowest}");
}

#[test]
fn the_chart_grows_with_the_terminal_and_no_size_is_too_small_to_be_drawn() {
    let bars = |buffer: &Buffer| buffer.content.iter().filter(|cell| cell.symbol() == "█").count();
    let scene = Scene::new();
    assert!(bars(&scene.drawn(160, 48, COLOURS)) > 3 * bars(&scene.drawn(80, 24, COLOURS)));
    for (width, height) in [(1, 1), (5, 3), (20, 10), (79, 9), (9, 60)] {
        scene.drawn(width, height, COLOURS);
    }
}
