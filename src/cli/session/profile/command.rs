//! The command of `credential_process`. AWS SDKs split it into words each in their own way, some by a shell.

use std::path::{self, Path};

use super::file::ProfileError;
use super::section::PROGRAM;
use crate::cli::session::object::Object;

/// The command that prints the credentials of an object of this context, in this kubeconfig file if one is named.
pub fn command_line(object: &Object, context: Option<&str>, kubeconfig: Option<&Path>) -> Result<String, ProfileError> {
    let Object { namespace, name } = object;
    let mut words = vec![format!("{PROGRAM}{}", word(name)?), "-n".to_owned(), word(namespace)?];
    if let Some(context) = context {
        words.extend(["--context".to_owned(), word(context)?]);
    }
    if let Some(file) = kubeconfig {
        // The SDK runs the command in a folder of its own.
        let file = path::absolute(file).map_err(|source| ProfileError::Read { path: file.to_owned(), source })?;
        words.extend(["--kubeconfig".to_owned(), word(&file.to_string_lossy())?]);
    }
    Ok(words.join(" "))
}

/// One word as every SDK reads it: double quotes are known to all. `#` and `;` begin comments for some, also in quotes.
fn word(text: &str) -> Result<String, ProfileError> {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./:@+=,".contains(letter);
    let unsafe_in_quotes = |letter: char| letter.is_control() || "\"\\$`!%#;".contains(letter);
    if !text.is_empty() && text.chars().all(plain) {
        return Ok(text.to_owned());
    }
    if text.contains(unsafe_in_quotes) {
        return Err(ProfileError::Unquotable(text.to_owned()));
    }
    Ok(format!("\"{text}\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(context: Option<&str>, kubeconfig: Option<&str>) -> Result<String, String> {
        let object = Object { namespace: "analytics".to_owned(), name: "reader".to_owned() };
        command_line(&object, context, kubeconfig.map(Path::new)).map_err(|error| error.to_string())
    }

    #[test]
    fn the_command_names_object_context_and_file() {
        let begin = "kubectl-crossaccount credentials reader -n analytics";
        for (context, file, end) in [
            (None, None, ""),
            (Some("jane@prod"), None, " --context jane@prod"),
            (
                Some("arn:aws:eks:eu-west-1:111111111111:cluster/prod"),
                None,
                " --context arn:aws:eks:eu-west-1:111111111111:cluster/prod",
            ),
            (
                Some("the lab"),
                Some("/home/jane/kube config"),
                " --context \"the lab\" --kubeconfig \"/home/jane/kube config\"",
            ),
        ] {
            assert_eq!(line(context, file), Ok(format!("{begin}{end}")));
        }
    }

    #[test]
    fn what_a_shell_or_a_file_could_read_as_more_than_a_word_is_refused() {
        for context in ["a\"b", "$(id)", "`id`", "a\nregion = x", "a #b", "a;b", "a\\b", "50%"] {
            let refused = line(Some(context), None).unwrap_err();
            assert!(refused.contains("has a character that"), "{refused}");
        }
    }
}
