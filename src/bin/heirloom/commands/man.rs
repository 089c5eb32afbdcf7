//! `heirloom man`: the man pages, out of the definition of the command line.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Command, CommandFactory};
use clap_mangen::Man as Page;
use clap_mangen::roff::{Roff, roman};

use crate::arguments::Arguments;
use crate::exit_code::{self, ExitCode};
use crate::show;

/// Print a manual page, or write all of them into a directory.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  heirloom man | man -l -
  heirloom man reload | man -l -
  heirloom man --directory /usr/local/share/man/man1")]
pub(crate) struct Man {
    /// The page of this verb; `config show` has one of its own
    #[arg(value_name = "VERB")]
    verb: Vec<String>,
    /// Write the pages of all verbs into this directory
    #[arg(long, value_name = "DIR", conflicts_with = "verb")]
    directory: Option<PathBuf>,
}

pub(crate) fn man(man: Man) -> ExitCode {
    let done = match man.directory {
        Some(directory) => write_all(&directory),
        None => print(&man.verb),
    };
    done.unwrap_or_else(|error| {
        show::error(&error, None);
        ExitCode::Failed
    })
}

fn print(verb: &[String]) -> anyhow::Result<ExitCode> {
    let wanted = std::iter::once("heirloom").chain(verb.iter().map(String::as_str)).collect::<Vec<_>>().join("-");
    let Some((_, text)) = pages()?.into_iter().find(|(name, _)| *name == wanted) else {
        show::error(&anyhow::anyhow!("there is no verb `{}`", verb.join(" ")), Some("`heirloom --help` lists them"));
        return Ok(ExitCode::Misuse);
    };
    Ok(if io::stdout().write_all(&text).is_ok() { ExitCode::Done } else { ExitCode::Failed })
}

fn write_all(directory: &Path) -> anyhow::Result<ExitCode> {
    for (name, text) in pages()? {
        let path = directory.join(name).with_extension("1");
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(ExitCode::Done)
}

/// All pages, by name: the program's, and one for each verb that is not hidden.
fn pages() -> io::Result<Vec<(String, Vec<u8>)>> {
    let mut whole = Arguments::command();
    whole.build();
    let mut pages = Vec::new();
    add(&whole, "heirloom", &mut pages)?;
    Ok(pages)
}

fn add(command: &Command, name: &str, pages: &mut Vec<(String, Vec<u8>)>) -> io::Result<()> {
    pages.push((name.to_owned(), page(command, name)?));
    let verbs = command.get_subcommands().filter(|verb| !verb.is_hide_set() && verb.get_name() != "help");
    verbs.into_iter().try_for_each(|verb| add(verb, &format!("{name}-{}", verb.get_name()), pages))
}

fn page(command: &Command, name: &str) -> io::Result<Vec<u8>> {
    let extra = command.get_after_long_help().or(command.get_after_help()).map(ToString::to_string);
    let has_verbs = command.get_subcommands().any(|verb| !verb.is_hide_set());
    let source = concat!("heirloom ", env!("CARGO_PKG_VERSION"));
    let page = Page::new(command.clone().display_name(name)).title(name).source(source).manual("heirloom").date("");
    let mut text = Vec::new();
    page.render_title(&mut text)?;
    page.render_name_section(&mut text)?;
    page.render_synopsis_section(&mut text)?;
    page.render_description_section(&mut text)?;
    if command.get_arguments().any(|argument| !argument.is_hide_set()) {
        page.render_options_section(&mut text)?;
    }
    if has_verbs {
        page.render_subcommands_section(&mut text)?;
    }
    for paragraph in extra.as_deref().unwrap_or_default().split("\n\n").chain(exit_statuses(name)) {
        section(paragraph)?.to_writer(&mut text)?;
    }
    Ok(text)
}

/// The program's own page has them in its help already.
fn exit_statuses(name: &str) -> Option<&'static str> {
    (name != "heirloom").then_some(exit_code::TABLE)
}

/// "Example:" and the lines below it, which stay as they are.
fn section(paragraph: &str) -> io::Result<Roff> {
    let mut section = Roff::new();
    if let Some((heading, lines)) = paragraph.split_once(":\n") {
        section.control("SH", [heading.to_uppercase().as_str()]).control("nf", []);
        for line in lines.lines() {
            section.text([roman(line)]);
        }
        section.control("fi", []);
    }
    Ok(section)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_a_page_for_every_verb_that_is_shown() {
        let names: Vec<String> = pages().expect("they are rendered").into_iter().map(|(name, _)| name).collect();
        for name in ["heirloom", "heirloom-run", "heirloom-config", "heirloom-config-show", "heirloom-man"] {
            assert!(names.iter().any(|it| it == name), "{name} is not in {names:?}");
        }
        let hidden = Arguments::command().get_subcommands().filter(|verb| verb.is_hide_set()).count();
        let shown = names.iter().filter(|name| name.matches('-').count() == 1).count();
        assert_eq!(shown + hidden, Arguments::command().get_subcommands().count());
    }

    #[test]
    fn what_stands_behind_the_help_becomes_sections() {
        let text = section("Examples:\n  heirloom man").expect("it is rendered").to_roff();
        assert!(text.contains(".SH EXAMPLES") && text.contains("heirloom man"), "{text}");
    }
}
