//! Completion. For a shell there is a script of its own; kubectl runs `kubectl_complete-crossaccount` with the words so far,
//! and reads candidates, one a line, and a last line with directives (kubectl documentation, "Extend kubectl with plugins").

use std::fmt::Write as _;

use clap::Command;
use clap_complete::{Shell, generate};

use super::args::Form;

/// The program as a shell calls it.
const PROGRAM: &str = "kubectl-crossaccount";

/// What kubectl runs to complete this plugin.
const FOR_KUBECTL: &str = "\
#!/usr/bin/env sh
# kubectl runs this to complete `kubectl crossaccount`.
exec kubectl-crossaccount complete -- \"$@\"
";

/// The directive that no file names follow (cobra, `ShellCompDirectiveNoFileComp`).
const NO_FILES: &str = ":4\n";

/// The script for a shell, or for kubectl.
pub(super) fn script(form: Form, mut command: Command) -> String {
    let shell = match form {
        Form::Bash => Shell::Bash,
        Form::Zsh => Shell::Zsh,
        Form::Fish => Shell::Fish,
        Form::Kubectl => return FOR_KUBECTL.to_owned(),
    };
    let mut script = Vec::new();
    generate(shell, &mut command, PROGRAM, &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

/// The commands, or the flags, that may stand where the last word does.
pub(super) fn candidates(command: &Command, words: &[String]) -> String {
    let (last, before) = words.split_last().map_or(("", words), |(last, before)| (last.as_str(), before));
    let mut here = command;
    for word in before.iter().filter(|word| !word.starts_with('-')) {
        here = here.find_subcommand(word).unwrap_or(here);
    }
    let commands = here.get_subcommands().filter(|command| !command.is_hide_set());
    let commands = commands.map(|command| (command.get_name().to_owned(), command.get_about()));
    let flags = here.get_arguments().filter_map(|flag| Some((format!("--{}", flag.get_long()?), flag.get_help())));
    let found: Vec<_> = if last.starts_with('-') { flags.collect() } else { commands.collect() };
    let mut lines = String::new();
    for (name, about) in found.into_iter().filter(|(name, _)| name.starts_with(last)) {
        // Writing to a String cannot fail.
        let _ = match about {
            Some(about) => writeln!(lines, "{name}\t{about}"),
            None => writeln!(lines, "{name}"),
        };
    }
    lines + NO_FILES
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::cli::args::Args;

    fn names(words: &[&str]) -> Vec<String> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let text = candidates(&Args::command(), &words);
        let name = |line: &str| line.split('\t').next().unwrap_or_default().to_owned();
        text.lines().map(name).collect()
    }

    #[test]
    fn kubectl_reads_what_may_follow_and_the_directive() {
        for (words, expected) in [
            (&["sta"][..], &["status", ":4"][..]),
            (&["re"], &["renew", "revoke", "resume", ":4"]),
            (&["bootstrap", "ch"], &["check", ":4"]),
            (&["bootstrap", "check", "tar"], &["target", ":4"]),
            (&["status", "--wa"], &["--watch", ":4"]),
            (&["status", "-n", "analytics", "--al"], &["--all-namespaces", ":4"]),
            (&["comp"], &["completion", ":4"]),
            (&["status", "x"], &[":4"]),
        ] {
            assert_eq!(names(words), expected, "{words:?}");
        }
        assert!(names(&[""]).contains(&"explain".to_owned()) && names(&[]).contains(&"explain".to_owned()));
    }
}
