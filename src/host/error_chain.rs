//! An error and its causes in one line.

use std::{error::Error, fmt};

/// Displays an error followed by its causes, each once.
///
/// Many libraries repeat the cause in their own text; such a cause is not printed a second time. Of an answer of the API
/// server, only its message is printed: the text of `kube::Error` ends in a dump of the whole `Status`.
#[derive(Debug)]
pub struct ErrorChain<'a>(pub &'a (dyn Error + 'static));

impl fmt::Display for ErrorChain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut said, mut next) = link(self.0);
        f.write_str(&said)?;
        while let Some(cause) = next {
            let (text, source) = link(cause);
            if !said.contains(&text) {
                write!(f, ": {text}")?;
                said.push_str(&text);
            }
            next = source;
        }
        Ok(())
    }
}

/// The text of one error, and the cause that is left to tell.
fn link<'a>(error: &'a (dyn Error + 'static)) -> (String, Option<&'a (dyn Error + 'static)>) {
    match error.downcast_ref() {
        Some(kube::Error::Api(status)) if !status.message.is_empty() => (status.message.clone(), None),
        _ => (error.to_string(), error.source()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Failure {
        text: &'static str,
        source: Option<Box<Failure>>,
    }

    fn failure(texts: &[&'static str]) -> Failure {
        let (text, rest) = texts.split_first().unwrap();
        Failure { text, source: (!rest.is_empty()).then(|| Box::new(failure(rest))) }
    }

    #[test]
    fn causes_follow_the_error_in_one_line() {
        let error = failure(&["cannot read the file", "permission denied"]);
        assert_eq!(ErrorChain(&error).to_string(), "cannot read the file: permission denied");
    }

    #[test]
    fn a_cause_that_was_already_said_is_not_repeated() {
        let error = failure(&["service error: connection refused", "connection refused", "os error 111"]);
        assert_eq!(ErrorChain(&error).to_string(), "service error: connection refused: os error 111");
    }

    #[test]
    fn an_answer_of_the_api_server_is_its_message() {
        let status = kube::core::Status::failure("leases is forbidden", "Forbidden").with_code(403);
        assert_eq!(ErrorChain(&kube::Error::Api(status.boxed())).to_string(), "leases is forbidden");
    }
}
