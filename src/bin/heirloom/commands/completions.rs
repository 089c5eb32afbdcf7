//! `heirloom completions`: what a shell needs to complete our verbs and flags.

use std::io::Write;

use clap::CommandFactory;
use clap_complete::Shell;

use crate::arguments::Arguments;
use crate::exit_code::ExitCode;

/// Print what a shell needs to complete verbs and flags.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  source <(heirloom completions bash)
  heirloom completions zsh > ~/.zfunc/_heirloom
  heirloom completions fish > ~/.config/fish/completions/heirloom.fish")]
pub(crate) struct Completions {
    /// Which shell
    shell: Shell,
}

pub(crate) fn completions(Completions { shell }: Completions) -> ExitCode {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "heirloom", &mut script);
    match std::io::stdout().write_all(&script) {
        Ok(()) => ExitCode::Done,
        Err(_) => ExitCode::Failed, // whoever wanted it has gone
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_visible_verb_can_be_completed_in_every_shell() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "heirloom", &mut script);
            let script = String::from_utf8(script).expect("it is text");
            for verb in Arguments::command().get_subcommands().filter(|verb| !verb.is_hide_set()) {
                assert!(script.contains(verb.get_name()), "{shell} does not know {}", verb.get_name());
            }
        }
    }
}
