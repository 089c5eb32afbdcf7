//! `heirloom config`: what is in force, what can be in force, and a first file.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anstyle::Style;
use anyhow::Context;
use clap::Subcommand;

use super::settings;
use crate::arguments::{Form, Run};
use crate::exit_code::ExitCode;
use crate::show;
use heirloom::config::{self, InForce, Whence, key_of};

/// Show, describe or begin a config file.
#[derive(clap::Args, Debug)]
pub(crate) struct Config {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Show(Box<Show>),
    Schema(Schema),
    Init(Init),
}

/// Show what is in force, and where each value comes from.
///
/// Give it the flags that you give to `run`. What it prints is a config file again.
#[derive(clap::Args, Debug)]
struct Show {
    #[command(flatten)]
    run: Run,
}

/// Print the JSON Schema of the config file, for editors.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  heirloom config schema > heirloom.schema.json")]
struct Schema {}

/// Write a first config file, with all that can be added to it as comments.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  heirloom config init\n  heirloom config init /etc/heirloom/heirloom.toml")]
struct Init {
    /// Where; `-` is standard output
    #[arg(value_name = "FILE", default_value = "heirloom.toml")]
    path: PathBuf,
    /// Write over a file that is there
    #[arg(long)]
    force: bool,
}

pub(crate) fn config(Config { what }: Config) -> ExitCode {
    match what {
        What::Show(it) => show(&it.run),
        What::Schema(Schema {}) => print(&format!("{:#}\n", config::schema())),
        What::Init(init) => write(&init).unwrap_or_else(|error| {
            let there = error.downcast_ref::<io::Error>().is_some_and(|it| it.kind() == io::ErrorKind::AlreadyExists);
            show::error(&error, there.then_some("--force writes over it"));
            ExitCode::Failed
        }),
    }
}

fn show(run: &Run) -> ExitCode {
    let (source, around) = match settings::source(run.config.as_deref()) {
        Ok(found) => found,
        Err(code) => return code,
    };
    match config::in_force(source.as_ref(), &run.layer(), &around) {
        Ok(all) => match run.output {
            Form::Text => print(&toml(&all, source.as_ref().map(|source| source.path.as_path()))),
            Form::Json => print(&(serde_json::to_string_pretty(&all).expect("texts and numbers") + "\n")),
        },
        Err(error) => settings::refused(error.into()),
    }
}

/// As a config file, with the origin of each value as a comment.
fn toml(all: &[InForce], path: Option<&Path>) -> String {
    let dim = Style::new().dimmed();
    let head = path.map_or("no config file".to_owned(), |path| format!("from {}", path.display()));
    let mut lines = vec![format!("{dim}# {head}, flags and defaults{dim:#}")];
    let (tables, plain): (Vec<&InForce>, Vec<&InForce>) = all.iter().partition(|it| it.key.contains('.'));
    let written = |key: &str, it: &InForce| match it.toml() {
        Some(value) => {
            let line = format!("{} = {value}", key_of(key));
            let style = if it.whence == Whence::Default { dim } else { Style::new() };
            format!("{style}{line:<40}{style:#}  {dim}# {}{dim:#}", it.whence)
        }
        None => format!("{dim}# {} is not set{dim:#}", it.key),
    };
    lines.extend(plain.iter().map(|it| written(&it.key, it)));
    let mut heading = "";
    for it in tables {
        let Some((table, name)) = it.key.split_once('.') else { continue };
        if table != heading {
            lines.push(format!("\n[{table}]"));
            heading = table;
        }
        lines.push(written(name, it));
    }
    lines.join("\n") + "\n"
}

fn print(text: &str) -> ExitCode {
    match anstream::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::Done,
        Err(_) => ExitCode::Failed, // whoever wanted it has gone
    }
}

fn write(Init { path, force }: &Init) -> anyhow::Result<ExitCode> {
    if path == Path::new("-") {
        return Ok(print(&config::sample()));
    }
    let cannot = || format!("cannot write {}", path.display());
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).create_new(!force);
    let mut file = options.open(path).with_context(cannot)?;
    file.write_all(config::sample().as_bytes()).with_context(cannot)?;
    drop(writeln!(anstream::stderr(), "{} is there; put your command in, and run `heirloom check`", path.display()));
    Ok(ExitCode::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_force_is_shown_as_a_file_with_origins() {
        let setting =
            |key: &str, value: Option<serde_json::Value>, whence: Whence| InForce { key: key.into(), value, whence };
        let line = |line| Whence::File { path: "web.toml".into(), line };
        let all = [
            setting("workers", Some(4.into()), Whence::Flag { flag: "--workers" }),
            setting("env_file", None, Whence::Default),
            setting("listen.http", Some("8080".into()), line(3)),
            setting("environment.A B", Some("x".into()), line(5)),
        ];
        let shown = anstream::adapter::strip_str(&toml(&all, Some(Path::new("web.toml")))).to_string();
        let expected = "\
# from web.toml, flags and defaults
workers = 4                               # --workers
# env_file is not set

[listen]
http = \"8080\"                             # web.toml:3

[environment]
\"A B\" = \"x\"                               # web.toml:5
";
        assert_eq!(shown, expected);
    }
}
