//! An error and its causes in one line.

use std::{error::Error, fmt};

/// Displays an error followed by its causes, each once.
///
/// Many libraries repeat the cause in their own text; such a cause is not printed a second time.
#[derive(Debug)]
pub struct Chain<'a>(pub &'a dyn Error);

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut said = self.0.to_string();
        f.write_str(&said)?;
        let mut next = self.0.source();
        while let Some(cause) = next {
            let text = cause.to_string();
            if !said.contains(&text) {
                write!(f, ": {text}")?;
                said.push_str(&text);
            }
            next = cause.source();
        }
        Ok(())
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
        assert_eq!(Chain(&error).to_string(), "cannot read the file: permission denied");
    }

    #[test]
    fn a_cause_that_was_already_said_is_not_repeated() {
        let error = failure(&["service error: connection refused", "connection refused", "os error 111"]);
        assert_eq!(Chain(&error).to_string(), "service error: connection refused: os error 111");
    }
}
