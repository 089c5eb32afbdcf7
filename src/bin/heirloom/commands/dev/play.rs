//! A session: the master, what makes it reload, and what shows it; from the first line to the terminal given back.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use anyhow::Context;
use tokio::task::JoinHandle;

use super::Dev;
use super::header::Header;
use super::pages::Pages;
use super::screen::Screen;
use super::show::{self, Wish};
use super::telling::Line;
use super::wishes::Wishes;
use crate::arguments::Form;
use crate::exit_code::ExitCode;
use heirloom::control::{self, Around, Places, Server};
use heirloom::master::{Build, Handle, Master, Notices, StartError, What};
use heirloom::supervision::{Coalescing, Command, Ending, Exit, FirstStart, Notice, Origin};
use heirloom::triggers::watch::{Change, News, Pace, Selection, Watcher};
use heirloom::triggers::{Keys, Lent, Signals};

/// What a program that writes to a terminal of ours believes it to be, where we have none ourselves.
const SIZE: (u16, u16) = (80, 24);

/// Runs until it is asked to stop.
pub(crate) fn dev(dev: Dev) -> ExitCode {
    let directory = here();
    let wishes = match Wishes::of(&dev, &directory, std::env::var_os("PORT")) {
        Ok(wishes) => wishes,
        Err(wrong) => {
            crate::show::error(&anyhow::Error::new(wrong), None);
            return ExitCode::Misuse;
        }
    };
    match play(&dev, &directory, wishes) {
        Ok(Ending::Stopped) => ExitCode::Done,
        Ok(Ending::Failed(_)) => ExitCode::Failed,
        Err(error) => {
            let hint = error.downcast_ref::<StartError>().and_then(StartError::hint);
            crate::show::error(&error, hint.as_deref());
            ExitCode::Failed
        }
    }
}

/// As the shell calls it, symlinks and all.
fn here() -> PathBuf {
    let real = std::env::current_dir().unwrap_or_default();
    let said = std::env::var_os("PWD").map(PathBuf::from);
    said.filter(|said| said.canonicalize().is_ok_and(|said| said == real)).unwrap_or(real)
}

#[tokio::main(flavor = "current_thread")]
async fn play(dev: &Dev, directory: &Path, wishes: Wishes) -> anyhow::Result<Ending> {
    let signals = Signals::take()?;
    let on_terminal = dev.output == Form::Text && std::io::stderr().is_terminal();
    let lent = if dev.stdin { Some(Lent::new()?.context("--stdin needs a terminal")?) } else { None };
    let pages = dev.livereload.map(pages).transpose()?;
    let build = wishes.build.as_ref().map(|build| Build::new(build).variable("CARGO_TERM_PROGRESS_WHEN", "never"));
    let mut master = master(&wishes, build.clone(), on_terminal)?;
    let server = dev.socket.as_deref().map(control_socket).transpose()?;
    let serving = control::serve("heirloom".into(), &mut master, server, None)?;
    let keys = if on_terminal && !dev.stdin && std::io::stdin().is_terminal() { Keys::take()? } else { None };
    let listening = master.listening();
    let tag = pages.as_ref().map(Pages::tag);
    let header = Header {
        wishes: &wishes,
        directory,
        listening: &listening,
        pages: tag.as_deref(),
        keys: keys.is_some(),
        stdin: dev.stdin,
    };
    let screen = Screen::new(on_terminal && !dev.stdin);
    let (shown, wish) = show::start(dev.output, screen, master.notices()).context("cannot start a thread")?;
    let (watcher, news) = watch(wishes.tree.clone()).await?;
    crate::show::head(&header.text());
    let mut tasks = vec![tokio::spawn(signals.ask(master.handle()))];
    tasks.push(tokio::spawn(reload_on_change(news, master.handle(), directory.to_owned(), wish.clone())));
    tasks.extend(pages.map(|pages| tokio::spawn(pages.serve(master.notices()))));
    tasks.extend(keys.map(|keys| tokio::spawn(obey(keys, master.handle(), build, wish))));
    tasks.extend(lent.map(|lent| tokio::spawn(lend(lent, master.notices(), master.handle()))));
    let ending = master.run().await;
    end(tasks).await;
    drop(watcher);
    serving.finish().await;
    shown.finish();
    Ok(ending?)
}

/// What each holds, the terminal above all, is given back when it has ended.
async fn end(tasks: Vec<JoinHandle<()>>) {
    for task in tasks {
        task.abort();
        let _ = task.await; // it is cancelled, and that is no news
    }
}

fn master(wishes: &Wishes, build: Option<Build>, on_terminal: bool) -> Result<Master, StartError> {
    let mut builder = Master::builder()
        .recipe(wishes.recipe.clone())
        .coalescing(Coalescing::NewestWins)
        .first_start(FirstStart::Wait)
        .launcher(true)
        .capture_output(true)
        .adopt_orphans(true);
    if let Some(build) = build {
        builder = builder.build_first(build);
    }
    if on_terminal {
        let size = terminal_size::terminal_size_of(std::io::stderr());
        let (columns, rows) = size.map_or(SIZE, |(columns, rows)| (columns.0, rows.0));
        builder = builder.on_terminals(columns, rows);
    }
    builder.build()
}

fn control_socket(path: &Path) -> Result<Server, control::OpenError> {
    Server::open(&Places::of("heirloom", Some(path), &Around::this_process()), None)
}

fn pages(port: u16) -> anyhow::Result<Pages> {
    Pages::open(port)
        .with_context(|| format!("cannot serve the script for pages on port {port}: try --livereload=PORT"))
}

type Told = tokio::sync::mpsc::UnboundedReceiver<News>;

/// Reads what there is, which may take a while, on a thread for that.
async fn watch(tree: heirloom::triggers::watch::Tree) -> anyhow::Result<(Watcher, Told)> {
    let start = move || Watcher::start(Selection::Tree(tree), Pace::DEVELOPMENT);
    Ok(tokio::task::spawn_blocking(start).await.context("the watcher has panicked")??)
}

async fn reload_on_change(mut news: Told, master: Handle, directory: PathBuf, wish: show::Wishes) {
    while let Some(news) = news.recv().await {
        match news {
            News::Changed(Change { paths }) => {
                let below = |path: PathBuf| path.strip_prefix(&directory).map(Path::to_owned).unwrap_or(path);
                let change = Change { paths: paths.into_iter().map(below).collect() };
                master.start_asking(Command::RELOAD, Origin::new(change.to_string())).await; // the notices tell
            }
            News::Noticed(notice) => drop(wish.send(Wish::Say(Line::Step(notice.to_string())))),
        }
    }
}

/// What each key means.
async fn obey(mut keys: Keys, master: Handle, build: Option<Build>, wish: show::Wishes) {
    let say = |line: &str| drop(wish.send(Wish::Say(Line::Step(line.into()))));
    while let Some(key) = keys.next().await {
        let asks = match key {
            'r' => {
                build.iter().for_each(Build::skip_once);
                Command::RELOAD
            }
            'b' if build.is_none() => {
                say("there is nothing to build: --build CMD says how");
                continue;
            }
            'b' => Command::RELOAD,
            'q' | '\x04' => Command::Stop { fast: false },
            'c' => {
                let _ = wish.send(Wish::Clear); // whoever shows may be gone
                continue;
            }
            'l' => {
                let _ = wish.send(Wish::Log); // as above
                continue;
            }
            'h' | '?' => {
                say("r reload   b build and reload   c clear   l log of the last build or error   q quit");
                continue;
            }
            _ => continue,
        };
        master.start_asking(asks, Origin::new(format!("the key {key}").replace('\x04', "Ctrl-D"))).await;
    }
}

/// The program has the terminal. When its newest generation is given up, the one that serves has it again; when it ends by
/// itself, or by Ctrl-C, so do we.
async fn lend(lent: Lent, mut notices: Notices, master: Handle) {
    let mut serving = None;
    let mut newest = None;
    while let Some(report) = notices.next().await {
        match report.what {
            What::Rules(Notice::Started { generation, .. }) => newest = report.pid.map(|pid| (generation, pid)),
            What::Rules(Notice::Promoted { generation, .. }) => serving = newest.filter(|(of, _)| *of == generation),
            What::Rules(Notice::GivenUp { .. }) => serving.iter().for_each(|(_, pid)| lent.to(*pid)),
            What::Rules(Notice::Exited { generation, exit, wanted: false, .. })
                if serving.is_some_and(|(of, _)| of == generation) && is_an_end(&exit) =>
            {
                let origin = Origin::new("the program has ended");
                master.start_asking(Command::Stop { fast: false }, origin).await;
            }
            _ => {}
        }
    }
}

fn is_an_end(exit: &Exit) -> bool {
    match exit {
        Exit::Status(status) => [0, 130].contains(status),
        Exit::Signal(name) => name == "SIGINT",
        Exit::NotStarted(_) => false,
    }
}
